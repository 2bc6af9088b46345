"""What a destination's failure means to the reader: try again, or correct something first.

The clients' own messages hold request URLs, and a URL may hold a signature: none of their text is passed on but the
HTTP status and the server's error code.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from sluice.errors import FatalError, RetriableError, SluiceError

_STATUS = re.compile(r"status(?: code)?:? (\d{3})")
_CODE = re.compile(r"<Code>\s*(\w+)|\"(?:code|reason|error)\":\s*\"(\w+)|[\"']?x-ms-error-code[\"']?: [\"']?(\w+)")

_UNREACHABLE = (
    (
        r"dns error|failed to lookup address|Name or service not known|nodename nor servname",
        "its host name is not found",
    ),
    (r"Connection refused", "nothing answers at its address: connection refused"),
)
_TRANSPORT = (
    (r"timed out|TimedOut|kind: Timeout", "it did not answer in time"),
    (r"[Cc]onnection reset|ConnectionReset|[Bb]roken pipe|BrokenPipe", "it closed the connection in the middle"),
    (r"[Ii]ncompleteMessage|connection closed|UnexpectedEof|SendRequest|end of file", "it closed the connection early"),
    (r"[Nn]etwork is unreachable|No route to host", "there is no route to it"),
)
_CERTIFICATE = re.compile(r"certificate|InvalidCertificate|UnknownIssuer|BadCertificate|NotValidForName")
_NOT_US = re.compile(r"failed to authenticate the request")  # Azurite calls this AuthorizationFailure

_KEY_CODES = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidAuthenticationInfo",
    "NoAuthenticationInformation", "InvalidSecurity", "invalid_grant", "invalid_client",
}  # fmt: skip
_EXPIRED_CODES = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "InvalidToken"}
_CONTAINER_CODES = {"NoSuchBucket", "ContainerNotFound", "FilesystemNotFound", "ContainerBeingDeleted"}
_CLOCK_CODES = {"RequestTimeTooSkewed"}
_FULL_CODES = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"}
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504, 507}
_TRANSIENT_CODES = {"SlowDown", "RequestTimeout", "ServerBusy", "Throttling", "ThrottlingException", "NoSuchUpload",
                    "InternalError", "OperationTimedOut", "InvalidBlockList"}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Where a destination comes from, for the messages: the declared connection, the Airflow connection with its
    credentials, the container (bucket, folder) at its other end, and the server's address where there is one."""

    connection: str
    airflow_conn_id: str
    container: str
    server: str = ""

    def fatal(self, what: str, next_step: str = "") -> FatalError:
        """An error that a person has to put right."""
        return FatalError(f"connection {self.connection}: {what}", next_step=next_step)

    def retriable(self, what: str, next_step: str = "") -> RetriableError:
        """An error that may pass by itself."""
        return RetriableError(f"connection {self.connection}: {what}", next_step=next_step)

    def correct_address(self) -> str:
        """What to do where nobody is at the address."""
        at = f" (it is {self.server} now)" if self.server else ""
        return f"correct the address in the Airflow connection {self.airflow_conn_id}{at}, or bring its server back"


def of_server(text: str, origin: Origin, act: str) -> SluiceError:
    """The error for a client's failure message `text` while it did `act` ("write s3://bucket/name")."""
    status, code = _answer(text)
    if status or code:
        return _answered(status, "AuthenticationFailed" if _NOT_US.search(text) else code, origin, act)
    if _CERTIFICATE.search(text):
        return origin.fatal(
            f"cannot {act}: the server's TLS certificate is not trusted",
            f"name the certificate authority in the extra `verify` of the Airflow connection {origin.airflow_conn_id}",
        )
    for pattern, meaning in _UNREACHABLE:
        if re.search(pattern, text):
            return origin.retriable(f"cannot {act}: {meaning}", origin.correct_address())
    for pattern, meaning in _TRANSPORT:
        if re.search(pattern, text):
            return origin.retriable(f"cannot {act}: {meaning}", _look_at(origin))
    return origin.retriable(f"cannot {act}: the connection to its server failed", _look_at(origin))


def _look_at(origin: Origin) -> str:
    return f"look at the server {origin.server}" if origin.server else ""


def _answer(text: str) -> tuple[int, str]:
    """The HTTP status (0 where there was no answer) and the server's code (empty where it gave none)."""
    status = _STATUS.search(text)
    code = _CODE.search(text)
    return (int(status[1]) if status else 0), (next(filter(None, code.groups()), "") if code else "")


def _answered(status: int, code: str, origin: Origin, act: str) -> SluiceError:
    answer = " ".join(filter(None, (str(status or ""), code)))
    conn = f"the Airflow connection {origin.airflow_conn_id}"
    if code in _EXPIRED_CODES:
        return origin.fatal(
            f"cannot {act}: its credentials have expired ({answer})", f"renew the credentials in {conn}"
        )
    if code in _CLOCK_CODES:
        return origin.fatal(f"cannot {act}: this machine's clock is wrong ({answer})", "set the clock")
    if code in _CONTAINER_CODES:
        return origin.fatal(
            f"cannot {act}: {origin.container} does not exist ({answer})",
            f"create it, or correct its name in the declaration of connection {origin.connection}",
        )
    if code in _FULL_CODES or status == 507:
        return origin.retriable(f"cannot {act}: the storage is full ({answer})", "make room at the destination")
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return origin.retriable(f"cannot {act}: the server is busy or failing ({answer})", _look_at(origin))
    if code in _KEY_CODES or status == 401:
        return origin.fatal(
            f"cannot {act}: the server refuses its key ({answer})", f"correct the credentials in {conn}"
        )
    if status == 403:
        return origin.fatal(
            f"cannot {act}: permission denied ({answer})",
            f"let the identity of {conn} list, read, write and delete below this folder",
        )
    return origin.fatal(f"cannot {act}: the server answered {answer}")


_FATAL_ERRNO = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the filesystem is read-only",
    errno.ENOTDIR: "a file stands where a folder must be",
    errno.EEXIST: "a file stands where a folder must be",
    errno.EISDIR: "a folder stands where the file must be",
    errno.ENAMETOOLONG: "the name is too long for this filesystem",
    errno.EFBIG: "the file is too large for this filesystem",
    errno.ELOOP: "its links lead round in a circle",
}

_REMEDIES = dict.fromkeys((errno.EACCES, errno.EPERM), "let the user that runs Airflow write there") | dict.fromkeys(
    (errno.ENOTDIR, errno.EEXIST), "remove that file, or declare another folder"
)


def of_disk(error: OSError, origin: Origin, act: str) -> SluiceError:
    """The error for a local filesystem's failure."""
    number = error.errno or 0
    if number in (errno.ENOSPC, errno.EDQUOT):
        return origin.retriable(f"cannot {act}: the disk is full", f"make room in {origin.container}")
    if number in _FATAL_ERRNO:
        return origin.fatal(f"cannot {act}: {_FATAL_ERRNO[number]}", _REMEDIES.get(number, ""))
    return origin.retriable(f"cannot {act}: {errno.errorcode.get(number, 'I/O error')}")
