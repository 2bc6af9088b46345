"""What a client's words become: the class of the error, its text, and never a signature."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from http.client import RemoteDisconnected

import pytest
from urllib3.exceptions import HTTPError as URLLib3Error

from sluice.destinations.failures import Answer, Origin, label, of_answer, of_disk
from sluice.destinations.transport import of_transport
from sluice.errors import FatalError, RetriableError, SluiceError

ORIGIN = Origin("acme", "acme_s3", "bucket inbound", "https://s3.example")
ACT = "write s3://inbound/x"


def page(error: SluiceError) -> str:
    return str(error).replace("\n", " ")


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(403, "InvalidAccessKeyId"), FatalError, "rejects the credentials.*Airflow connection acme_s3"),
        (
            Answer(403, "SignatureDoesNotMatch"),
            FatalError,
            r"secret is wrong \(403 SignatureDoesNotMatch.*correct the secret",
        ),
        (Answer(401, "AuthenticationRequired"), FatalError, "rejects the credentials"),
        (Answer(400, "ExpiredToken"), FatalError, "have expired.*renew"),
        (Answer(403, "RequestTimeTooSkewed"), FatalError, "clock"),
        (Answer(404, "NoSuchBucket"), FatalError, "bucket inbound does not exist.*create it"),
        (Answer(403, "AccessDenied"), FatalError, "permission denied.*permission to write files in this folder"),
        (Answer(403, "AuthorizationFailure"), FatalError, "network rules"),
        (Answer(409, "BlobImmutableDueToPolicy"), FatalError, "a retention policy or hold of bucket inbound protects"),
        (Answer(301, "PermanentRedirect", "eu-west-1"), FatalError, "is in the region eu-west-1.*`region_name`"),
        (Answer(400, "AuthorizationHeaderMalformed", "eu-west-1"), FatalError, "is in the region eu-west-1"),
        (Answer(301, "PermanentRedirect"), FatalError, "is in another region"),
        (Answer(307, sent_on="evil.example"), FatalError, "https://s3.example redirects to evil.example"),
        (Answer(400, "EntityTooSmall"), FatalError, "answered 400 EntityTooSmall"),
        (Answer(400, "BadDigest"), RetriableError, "the data that arrived differs from what was sent"),
        (Answer(404, "NoSuchUpload"), RetriableError, "busy or failing"),
        (Answer(503, "SlowDown"), RetriableError, "busy or failing.*https://s3.example"),
        (Answer(429, "TooManyRequests"), RetriableError, "busy or failing"),
        (Answer(500, "InternalError"), RetriableError, "busy or failing"),
        (Answer(507, "InsufficientStorage"), RetriableError, "full"),
    ],
)
def test_what_a_server_answers(answer: Answer, error: type[SluiceError], said: str) -> None:
    found = of_answer(answer, ORIGIN, ACT)
    assert type(found.error) is error
    assert page(found.error).startswith(f"connection acme: cannot {ACT}")
    assert re.search(said, page(found.error)), page(found.error)


@pytest.mark.parametrize(("answer", "passing"), [(Answer(503), True), (Answer(404, "NoSuchUpload"), False)])
def test_an_upload_that_somebody_has_ended_is_not_asked_for_again(answer: Answer, *, passing: bool) -> None:
    assert of_answer(answer, ORIGIN, ACT).passing == passing


def raised(error: BaseException, below: BaseException) -> BaseException:
    """As a client raises it: with its own type, below which lies the system's."""
    try:
        raise error from below
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("below", "error", "said"),
    [
        (socket.gaierror(-2, "words"), RetriableError, "host name is not found"),
        (ConnectionRefusedError(111, "words"), RetriableError, "connection refused"),
        (TimeoutError("words"), RetriableError, "did not answer in time"),
        (ConnectionResetError(104, "words"), RetriableError, "closed the connection in the middle"),
        (RemoteDisconnected("words"), RetriableError, "closed the connection early"),
        (OSError(errno.ENETUNREACH, "words"), RetriableError, "no route"),
        (ssl.SSLCertVerificationError("words"), FatalError, "certificate is not trusted.*`verify`"),
        (ssl.SSLError("words"), RetriableError, "TLS handshake failed"),
        (ValueError("words"), RetriableError, "the connection to its server failed"),
    ],
)
def test_requests_without_an_answer(below: BaseException, error: type[SluiceError], said: str) -> None:
    """Every word of the patterns that once looked at texts stands in the names; none of them matters."""
    words = (
        "lake/404/x gift-certificates timed out Connection refused dns error <Code>NoSuchBucket</Code> sig=SECRETSIG"
    )
    found = of_transport(raised(URLLib3Error(words), below), ORIGIN, ACT)
    assert type(found.error) is error
    assert re.search(said, page(found.error)), page(found.error)
    assert "SECRETSIG" not in page(found.error) + repr(found)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:secret@host:9000/base", "https://host:9000/base"),
        ("https://account.blob.core.windows.net/c?sv=1&sig=secret", "https://account.blob.core.windows.net/c"),
        ("host:22", "host:22"),
        ("", ""),
    ],
)
def test_no_secret_of_an_address_becomes_a_label(address: str, shown: str) -> None:
    assert label(address) == shown
    assert Origin("acme", "x", "bucket b", address).server == shown


def test_a_mistake_of_ours_is_no_outage() -> None:
    with pytest.raises(AttributeError):
        of_transport(AttributeError("x"), ORIGIN, ACT)


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (errno.ENOSPC, RetriableError, "the disk is full"),
        (errno.EDQUOT, RetriableError, "the disk is full"),
        (errno.EIO, RetriableError, "EIO"),
        (errno.ESTALE, RetriableError, "ESTALE"),
        (errno.EACCES, FatalError, "permission denied.*give the user"),
        (errno.EROFS, FatalError, "read-only"),
        (errno.ENOTDIR, FatalError, "there is a file where a folder is needed"),
        (errno.ENAMETOOLONG, FatalError, "too long"),
    ],
)
def test_numbers_of_a_disk(number: int, error: type[SluiceError], said: str) -> None:
    found = of_disk(OSError(number, "words"), ORIGIN, "write /x")
    assert type(found) is error
    assert re.search(said, str(found).replace("\n", " "))
