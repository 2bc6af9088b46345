"""Logins with OAuth 2: by client credentials, or by a user's password, which older accounts have."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sluice.audience.answers import RefusedError, Reply, WrongAnswerError, login_failure_of
from sluice.audience.web import Web
from sluice.destinations.retries import Retries
from sluice.errors import FatalError
from sluice.model.access import OAuthAccess
from sluice.model.origin import Origin

_EARLY = 60.0
"""A token that expires within this many seconds is not used any more."""


class Addresses(NamedTuple):
    """The addresses of the API, and of the server that issues its tokens."""

    api: str
    token: str


BY_PASSWORD = Addresses("https://api.demdex.com/v1", "https://api.demdex.com/oauth/token")
BY_CLIENT = Addresses("https://aam.adobe.io/v1", "https://ims-na1.adobelogin.com/ims/token/v3")


def addresses_of(access: OAuthAccess) -> Addresses:
    """The addresses that the Airflow connection has, or Adobe's."""
    known = BY_PASSWORD if access.username else BY_CLIENT
    api = (access.api or known.api).rstrip("/")
    if access.token_url:
        return Addresses(api, access.token_url)
    # Another host than Adobe's, such as that of the beta environment, issues its own tokens to users.
    own = access.api is not None and access.username
    return Addresses(api, f"{api.removesuffix('/v1')}/oauth/token" if own else known.token)


class Login:
    """The current token of one client, renewed before it expires and whenever the API rejects it."""

    def __init__(self, access: OAuthAccess, web: Web, origin: Origin, retry_for: timedelta) -> None:
        self._access, self._web, self._origin, self._retry_for = access, web, origin, retry_for
        self._address = addresses_of(access).token
        self._token, self._refresh, self._until = "", "", 0.0

    def headers(self) -> dict[str, str]:
        """The headers of a request with the current token."""
        if not self._token or time.monotonic() > self._until:
            self.renew()
        key = {} if self._access.username else {"x-api-key": self._access.client_id}
        return {"Authorization": f"Bearer {self._token}", **key}

    def renew(self) -> None:
        """Get a new token. Raises `FatalError` if the login is rejected."""
        retries = Retries(self._retry_for, lambda error: login_failure_of(error, self._origin))
        self._keep(retries.run(self._granted))

    def _granted(self) -> Mapping[str, Any]:
        if self._refresh:
            refresh, self._refresh = self._refresh, ""
            try:
                return self._ask({"grant_type": "refresh_token", "refresh_token": refresh})
            except RefusedError:
                pass  # it has expired, too: log in again
        access = self._access
        if access.username:
            return self._ask({"grant_type": "password", "username": access.username, "password": access.password})
        return self._ask({"grant_type": "client_credentials", **({"scope": access.scope} if access.scope else {})})

    def _ask(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        access = self._access
        if access.username:
            reply = self._web.send("POST", self._address, {}, data=form, auth=(access.client_id, access.client_secret))
        else:
            client = {"client_id": access.client_id, "client_secret": access.client_secret}
            reply = self._web.send("POST", self._address, {}, data={**form, **client})
        return _token_of(reply)

    def _keep(self, granted: Mapping[str, Any]) -> None:
        self._token, self._refresh = granted["access_token"], granted.get("refresh_token") or ""
        for secret in filter(None, (self._token, self._refresh)):
            self._access.hide(secret)
        lasts = granted.get("expires_in")
        seconds = float(lasts) if isinstance(lasts, int | float) else 3600.0
        self._until = time.monotonic() + max(seconds - _EARLY, seconds / 2)


def _token_of(reply: Reply) -> Mapping[str, Any]:
    if reply.status != 200:
        raise RefusedError(reply)
    found = reply.body
    if not isinstance(found, dict) or not isinstance(found.get("access_token"), str) or not found["access_token"]:
        raise WrongAnswerError("it contains no access token")
    if not found["access_token"].isascii() or not found["access_token"].isprintable():
        raise WrongAnswerError("its access token is not text")
    refresh = found.get("refresh_token")
    return found if refresh is None or isinstance(refresh, str) else {**found, "refresh_token": None}


def secure(address: str, origin: Origin) -> FatalError | None:
    """The error for an address that would send the secret in the clear; None if it is encrypted, or on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        return None
    return origin.fatal(
        f"{parts.hostname or 'its host'} is not an https address, so the secret would be readable on its way",
        f"write https:// in the Airflow connection {origin.airflow_conn_id}",
    )
