"""Requests without an answer: the cause, found by the types of the errors below the cloud client's own."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from sluice.destinations.failures import Failure, Origin, WrongAnswerError, look_at
from sluice.errors import FatalError

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_CLIENTS = {"azure", "botocore", "http", "requests", "urllib3"}
_EARLY = {"RemoteDisconnected", "IncompleteRead", "IncompleteReadError", "SSLEOFError"}
_NOT_ITS_ANSWER = {"ResponseParserError", "DecodeError", "DeserializationError"}


def of_transport(error: BaseException, origin: Origin, act: str) -> Failure:
    """The failure for the request `act` that got no answer. Only an untrusted certificate is fatal. Raises the error
    itself if no client raised it: a bug in this code is not an outage."""
    if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _CLIENTS:
        raise error
    below = list(_below(error, set()))
    names = {kind.__name__ for one in below for kind in type(one).__mro__}
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in below):
        return Failure(_untrusted(origin, act), passing=False)
    if names & _NOT_ITS_ANSWER:
        return WrongAnswerError("it cannot be read").failure(origin, act)
    if any(isinstance(one, socket.gaierror) for one in below) or "NameResolutionError" in names:
        return Failure(
            origin.retriable(f"cannot {act}: its host name is not found", origin.correct_address()), passing=True
        )
    if any(isinstance(one, ConnectionRefusedError) for one in below):
        meaning = "nothing answers at its address: connection refused"
        return Failure(origin.retriable(f"cannot {act}: {meaning}", origin.correct_address()), passing=True)
    return Failure(origin.retriable(f"cannot {act}: {_lost(below, names)}", look_at(origin)), passing=True)


def is_lost(error: BaseException) -> bool:
    """Whether an operating system error is the cause of a client's error: the server did not answer."""
    return any(isinstance(one, OSError) for one in _below(error, set()))


def _lost(below: list[BaseException], names: set[str]) -> str:
    if any(isinstance(one, TimeoutError) for one in below) or names & {"ReadTimeoutError", "ConnectTimeoutError"}:
        return "it did not answer in time"
    if any(isinstance(one, OSError) and one.errno in _NO_ROUTE for one in below):
        return "there is no route to it"
    if names & _EARLY:
        return "it closed the connection early"
    if any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in below) or "ProtocolError" in names:
        return "it closed the connection in the middle"
    if any(isinstance(one, ssl.SSLError) for one in below):
        return "the TLS handshake failed"
    return "the connection to its server failed"


def _untrusted(origin: Origin, act: str) -> FatalError:
    return origin.fatal(
        f"cannot {act}: the server's TLS certificate is not trusted",
        f"name the certificate authority in the extra `verify` of the Airflow connection {origin.airflow_conn_id}",
    )


def _below(error: object, seen: set[int]) -> Iterator[BaseException]:
    """The error and every error behind it: clients keep those as a cause, a context, a reason or an argument."""
    if not isinstance(error, BaseException) or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    further = (
        error.__cause__,
        error.__context__,
        getattr(error, "reason", None),
        getattr(error, "inner_exception", None),
    )
    for one in (*further, *error.args):
        yield from _below(one, seen)
