"""What an answer of Audience Manager means to the reader: retry, or correct something first.

Failures are classified by status and by the codes of OAuth 2. No text of an answer is shown: the header of an expired
login contains its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urlsplit

from sluice.destinations.failures import Failure
from sluice.errors import SluiceError
from sluice.model.origin import Origin

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LONGEST = 60.0
"""The longest wait that a server can request, in seconds."""
_CODES = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
          "invalid_scope", "access_denied"}  # fmt: skip
"""The errors of a token server that may be shown: those of RFC 6749."""


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its JSON if it has any, and the headers that matter."""

    status: int
    body: Any = None
    retry_after: str = ""
    location: str = ""


class RefusedError(Exception):
    """An answer that is not the requested one."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.status))
        self.reply = reply


class WrongAnswerError(Exception):
    """An answer that Audience Manager does not give. The text says what it is."""


class SilentError(Exception):
    """No answer. The text is the type of the failure."""


def failure_of(error: Exception, origin: Origin, act: str) -> Failure:
    """The failure for an exception of a request `act` ("read the segment 12345")."""
    match error:
        case RefusedError(reply=reply):
            return _refused(reply, origin, act)
        case WrongAnswerError():
            what = f"cannot {act}: the answer did not come from Audience Manager ({error})"
            next_step = f"find out what answers at {origin.server}: it may be a proxy or a login page"
            return Failure(origin.retriable(what, next_step), passing=True)
        case SilentError():
            what = f"cannot {act}: {origin.server} does not answer ({error})"
            return Failure(origin.retriable(what, origin.correct_address()), passing=True)
        case SluiceError():
            return Failure(error, passing=False)
        case _:
            raise error


def login_failure_of(error: Exception, origin: Origin) -> Failure:
    """The failure for an exception of a request to the token server."""
    act = "log in to Audience Manager"
    if isinstance(error, RefusedError) and error.reply.status in (400, 401, 403):
        code = _code(error.reply.body)
        what = f"cannot {act}: the token server rejects the login ({error.reply.status}{code and f' {code}'})"
        next_step = f"correct the client, its secret and the user in the Airflow connection {origin.airflow_conn_id}"
        return Failure(origin.fatal(what, next_step), passing=False)
    return failure_of(error, origin, act)


def _refused(reply: Reply, origin: Origin, act: str) -> Failure:
    conn, status = f"the Airflow connection {origin.airflow_conn_id}", reply.status
    if status in _PASSING:
        busy = "too many requests" if status == 429 else "the server is busy or failing"
        error: SluiceError = origin.retriable(f"cannot {act}: {busy} ({status})", f"check the server {origin.server}")
        return Failure(error, passing=True, wait=_wait(reply.retry_after))
    if 300 <= status < 400:
        there = urlsplit(reply.location).hostname or "another address"
        what = f"cannot {act}: {origin.server} redirects to {there} ({status}), and redirects are not followed"
        return Failure(origin.fatal(what, f"if that is the right address, put it into {conn}"), passing=False)
    if status == 401:
        what = f"cannot {act}: the server rejects a new login (401)"
        return Failure(origin.fatal(what, f"correct the client in {conn}, or its API"), passing=False)
    if status == 403:
        what = f"cannot {act}: permission denied (403)"
        return Failure(
            origin.fatal(what, f"grant the user of {conn} this permission in Audience Manager"), passing=False
        )
    if status == 404:
        what = f"cannot {act}: {origin.server} does not know the address (404)"
        return Failure(origin.fatal(what, f"correct the address in {conn}"), passing=False)
    return Failure(origin.fatal(f"cannot {act}: the server answered {status}"), passing=False)


def _code(body: Any) -> str:
    code = body.get("error") if isinstance(body, Mapping) else None
    return code if isinstance(code, str) and code in _CODES else ""


def _wait(text: str) -> float:
    """The seconds in the header `Retry-After`: a number, or a date."""
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), _LONGEST)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time()), _LONGEST)
    except (TypeError, ValueError):
        return 0.0
