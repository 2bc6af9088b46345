"""What a client's words become: the class of the error, its text, and never a signature."""

from __future__ import annotations

import errno
import re

import pytest

from sluice.destinations.failures import Origin, of_disk, of_server
from sluice.errors import FatalError, RetriableError, SluiceError

ORIGIN = Origin("acme", "acme_s3", "bucket inbound", "https://s3.example")
ACT = "write s3://inbound/x"


def answered(status: int, code: str) -> str:
    return f"Server returned non-2xx status code: {status} Some Reason: <Error><Code>{code}</Code></Error>"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (answered(403, "InvalidAccessKeyId"), FatalError, "refuses its key.*Airflow connection acme_s3"),
        (answered(403, "SignatureDoesNotMatch"), FatalError, "refuses its key"),
        (answered(401, "AuthenticationRequired"), FatalError, "refuses its key"),
        (answered(400, "ExpiredToken"), FatalError, "have expired.*renew"),
        (answered(403, "RequestTimeTooSkewed"), FatalError, "clock"),
        (answered(404, "NoSuchBucket"), FatalError, "bucket inbound does not exist.*create it"),
        (answered(403, "AccessDenied"), FatalError, "permission denied"),
        (answered(301, "PermanentRedirect"), FatalError, "answered 301 PermanentRedirect"),
        (answered(400, "EntityTooSmall"), FatalError, "answered 400 EntityTooSmall"),
        (answered(404, "NoSuchUpload"), RetriableError, "busy or failing"),
        (answered(503, "SlowDown"), RetriableError, "busy or failing.*https://s3.example"),
        (answered(429, "TooManyRequests"), RetriableError, "busy or failing"),
        (answered(500, "InternalError"), RetriableError, "busy or failing"),
        (answered(507, "InsufficientStorage"), RetriableError, "full"),
        ("error sending request: dns error: failed to lookup address information", RetriableError, "host name"),
        ("tcp connect error: Connection refused (os error 111)", RetriableError, "connection refused"),
        ("kind: Timeout, source: TimedOut, retry_timeout: 180s", RetriableError, "did not answer in time"),
        ("retry_timeout: 180s, kind: Interrupted, Connection reset by peer", RetriableError, "closed the connection"),
        ("invalid peer certificate: UnknownIssuer", FatalError, "certificate is not trusted.*`verify`"),
        ("something nobody has seen", RetriableError, "failed"),
    ],
)
def test_words_of_a_server(text: str, error: type[SluiceError], said: str) -> None:
    found = of_server(text, ORIGIN, ACT)
    assert type(found) is error
    page = str(found).replace("\n", " ")
    assert page.startswith(f"connection acme: cannot {ACT}") or "connection acme" in page
    assert re.search(said, page), page


def test_no_text_of_the_client_is_passed_on() -> None:
    text = "PUT http://host/c/x?sv=1&sig=SECRETSIG " + answered(418, "Teapot")
    assert "SECRETSIG" not in str(of_server(text, ORIGIN, ACT))
    assert "SECRETSIG" not in repr(of_server(text, ORIGIN, ACT))


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (errno.ENOSPC, RetriableError, "the disk is full"),
        (errno.EDQUOT, RetriableError, "the disk is full"),
        (errno.EIO, RetriableError, "EIO"),
        (errno.ESTALE, RetriableError, "ESTALE"),
        (errno.EACCES, FatalError, "permission denied.*let the user"),
        (errno.EROFS, FatalError, "read-only"),
        (errno.ENOTDIR, FatalError, "a file stands where a folder must be"),
        (errno.ENAMETOOLONG, FatalError, "too long"),
    ],
)
def test_numbers_of_a_disk(number: int, error: type[SluiceError], said: str) -> None:
    found = of_disk(OSError(number, "words"), ORIGIN, "write /x")
    assert type(found) is error
    assert re.search(said, str(found).replace("\n", " "))
