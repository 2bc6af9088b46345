"""One request to Adobe Target's Bulk Profile Update API, and what its answer means.

https://experienceleague.adobe.com/en/docs/target-dev/developer/api/profile-apis/profile-bulk-api
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit, urlunsplit

from sluice.certificates import trusted
from sluice.definition.models.hand_over import HandOver
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import Connections, SecretAccess

_LONGEST = 1 << 16
"""The most bytes of an answer that are read."""
_PASSING = {408, 425, 429}
_TARGET = ".tt.omtrdc.net"


class Accepted(NamedTuple):
    """Target's answer to a batch that it processes from now on. It says nothing about single profiles."""

    batch: str
    """The batch's id; empty if the answer has none."""
    status: str
    """The address that shows the state of the batch, which Target keeps for a day; empty if the answer has none."""


class State(NamedTuple):
    """What has become of a batch. A number is None if the answer does not have it."""

    status: str
    """`complete`, `incomplete` or `stuck`, as Target says it."""
    consumed: int | None
    """Profiles that were processed."""
    successful: int | None
    not_found: int | None
    failed: int | None


class Api:
    """The API for one delivery. Errors show the address, and never the answer's text, which may contain values."""

    def __init__(self, declared: HandOver, connections: Connections) -> None:
        import httpx

        self._declared = declared
        self._client = httpx.Client(timeout=declared.timeout.total_seconds(), verify=trusted())
        self._headers = {"Content-Type": "application/x-www-form-urlencoded", **login(declared, connections)}

    def post(self, body: Iterable[bytes], size: int) -> Accepted:
        """Send one batch file. The same batch may be sent again: it sets the same values.

        Raises `RetriableError` if Target cannot be reached or is busy, and `FatalError` if it refuses the batch."""
        headers = {**self._headers, "Content-Length": str(size)}
        with (
            self._reporting(),
            self._client.stream("POST", self._declared.address, content=body, headers=headers) as answer,
        ):
            text = b"".join(_first(answer.iter_bytes())).decode(errors="replace")
        self._check(answer.status_code, "take a batch")
        return self._accepted(text)

    def state(self, address: str) -> State:
        """What has become of a batch, by the address in the answer to it.

        Raises `RetriableError` if Target cannot be reached, and `FatalError` if the address is not one of Target's, or
        if it does not know the batch any more."""
        place = self._own(address)
        with (
            self._reporting(),
            self._client.stream("GET", place, headers={**self._headers}) as answer,
        ):
            text = b"".join(_first(answer.iter_bytes())).decode(errors="replace")
        self._check(answer.status_code, "say what became of a batch")
        if not (status := _element("status", text)):
            raise FatalError(
                f"Adobe Target at {self._declared.address} does not know the batch any more",
                next_step="ask within a day of the delivery",
            )
        names = ("consumedCount", "successfulUpdates", "profilesNotFound", "failedUpdates")
        return State(status[:40], *(_number(name, text) for name in names))

    def _own(self, address: str) -> str:
        """The address with the counts. The login goes only to the declared server and, encrypted, to Target's others:
        an answer names one of them."""
        given, own = urlsplit(_address(address)), urlsplit(self._declared.address)
        if given[:2] != own[:2]:
            if not (given.hostname or "").endswith(_TARGET):
                raise FatalError(
                    f"the state of a batch is at {given.hostname or 'no server'}, which is not Adobe Target's",
                    next_step="look at the receipts beside the manifest",
                )
            given = given._replace(scheme="https", netloc=given.hostname or "")
        return urlunsplit(given._replace(query=f"{given.query}&showDetails=true", fragment=""))

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            raise RetriableError(
                f"Adobe Target gave no answer to a batch, at {self._declared.address}: {type(error).__name__}"
            ) from None

    def _check(self, status: int, wanted: str) -> None:
        where = f"Adobe Target at {self._declared.address}"
        if status in _PASSING or status >= 500:
            raise RetriableError(f"{where} cannot {wanted} now: status {status}")
        if status in (401, 403):
            needs = "the token in" if self._declared.airflow_conn_id else "`airflow_conn_id`, with a token: add"
            raise FatalError(
                f"{where} refuses the login: status {status}",
                next_step=f"correct {needs} the `hand_over` of the connection, then clear the run",
            )
        if not 200 <= status < 300:
            raise FatalError(
                f"{where} will not {wanted}: status {status}",
                next_step="correct `client` and `url` in the `hand_over` of the connection, then clear the run",
            )

    def _accepted(self, text: str) -> Accepted:
        if _element("success", text) != "true":
            raise FatalError(
                f"Adobe Target at {self._declared.address} did not accept a batch",
                next_step="post the file by hand to see why: the answer is not shown, because it may contain values",
            )
        address = _address(_element("batchStatus", text))
        ids = parse_qs(urlsplit(address).query).get("batchId", [""]) if address else [""]
        return Accepted(_element("batchId", text) or ids[0], address)


def login(declared: HandOver, connections: Connections) -> Mapping[str, str]:
    """The header with the token; empty if none is declared. Raises `DefinitionError` if there is none."""
    if not declared.airflow_conn_id:
        return {}
    access = connections.get(declared.airflow_conn_id)
    if not isinstance(access, SecretAccess):
        raise DefinitionError(
            f"the Airflow connection {declared.airflow_conn_id} is not of type generic",
            next_step="name a connection of type generic, whose password is the token of the Bulk Profile Update API",
        )
    return {"Authorization": f"Bearer {access.value.decode()}"}


def _first(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = _LONGEST
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _address(text: str) -> str:
    """The text if it can be an address, otherwise empty: what the server sends must not stop a batch that it has
    taken."""
    try:
        urlsplit(text)
    except ValueError:
        return ""
    return text if text.isascii() and text.isprintable() else ""


def _number(name: str, text: str) -> int | None:
    found = _element(name, text)
    return int(found) if found.isascii() and found.isdigit() and len(found) < 16 else None


def _element(name: str, text: str) -> str:
    """The text of the answer's first element of this name; empty if there is none. The answers are flat, so that no XML
    parser has to be trusted with them."""
    found = re.search(rf"<{name}>\s*([^<]*?)\s*</{name}>", text)
    return html.unescape(found[1]) if found else ""
