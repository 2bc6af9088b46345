"""Notices to a webhook. Its address may be a secret: it never appears in logs or errors, and redirects are not
followed.

This is a client of our own because Airflow's hook and the common HTTP clients log the address that they call.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sluice.airflow.addresses import address_of
from sluice.airflow.connection_errors import needs

if TYPE_CHECKING:
    from airflow.sdk import Connection

_TIMEOUT = 15
"""The timeout of a webhook, in seconds: the run's last task waits for it."""

_LIKE_A_SECRET = 16
"""The length from which a part of an address may be a secret."""

log = logging.getLogger(__name__)


class RefusedNoticeError(Exception):
    """The server refused a notice. The text names hosts only, never an address."""


@dataclass(frozen=True)
class Webhook:
    """The address of a webhook, and the headers of each notice."""

    address: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, connection: Connection) -> Webhook:
        """The webhook of a connection of type `http`. Its address is the host followed by the password, which Airflow
        encrypts and masks; with a login, the two are sent as basic authentication. The extra is sent as headers. Raises
        `DefinitionError` if host and password do not form an address."""
        secret = connection.password or ""
        headers = {name: str(value) for name, value in connection.extra_dejson.items()}
        if connection.login:
            pair = b64encode(f"{connection.login}:{secret}".encode()).decode()
            headers = {"Authorization": f"Basic {pair}"} | headers
            secret = ""
        address = _address(connection, secret)
        parts = urlsplit(address)
        path = parts.path.strip("/")
        if not secret and len(path) >= _LIKE_A_SECRET:
            log.warning(
                "the Airflow connection %s has the path of its webhook in its host, which Airflow neither encrypts nor "
                "masks: if it is secret, move it to the password",
                connection.conn_id,
            )
        _mask(secret, path, parts.query, parts.password, headers.get("Authorization"))
        return cls(address, headers)

    def post(self, body: Mapping[str, Any]) -> None:
        """Send a body as JSON. Raises `RefusedNoticeError` if the server refuses it, `OSError` if it does not
        answer."""
        headers = {"Content-Type": "application/json", **self.headers}
        request = Request(self.address, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - http alone
        try:
            with closing(build_opener(_NoRedirect).open(request, timeout=_TIMEOUT)):
                return
        except HTTPError as refused:
            with closing(refused):
                raise RefusedNoticeError(self._refusal(refused)) from None

    def _refusal(self, refused: HTTPError) -> str:
        ours = urlsplit(self.address).hostname
        if there := refused.headers.get("Location"):
            return f"{ours} redirects to {urlsplit(there).hostname or ours}: redirects are not followed"
        return f"{ours} answered {refused.code}"


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET, or send the notice and its headers to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _address(connection: Connection, secret: str) -> str:
    try:
        address = secret if secret.startswith(("https://", "http://")) else _joined(address_of(connection), secret)
        parts = urlsplit(address)
    except ValueError:  # an invalid port or bracket
        address, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise needs(connection, "host that is an address: `https://hooks.example.com`")
    return address


def _joined(base: str, secret: str) -> str:
    return f"{base.rstrip('/')}/{secret.lstrip('/')}" if secret else base


def _mask(secret: str, *others: str | None) -> None:
    """Make Airflow mask these values in every log. Short parts of an address are not secret, and are not masked."""
    from airflow.sdk.log import mask_secret

    for one in (secret, *(other for other in others if other and len(other) >= _LIKE_A_SECRET)):
        if one:
            mask_secret(one)
