"""Translates the errors of filesystems. `pyarrow` raises `OSError` for everything, so its text must be parsed."""

from __future__ import annotations

import errno
import re

from sluice.errors import FatalError, RetriableError, SluiceError

_DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN|SIGNATURE_DOES_NOT_MATCH|EXPIRED_TOKEN|"
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|UNAUTHENTICATED|PERMISSION_DENIED|"
    r"Authenti?c?ation ?[Ff]ailed|AuthorizationFailure|AuthorizationPermissionMismatch|[Pp]ermission denied|"
    r"\b40[13]\b|invalid_grant"
)
_MISSING = re.compile(r"NO_SUCH_BUCKET|NoSuchBucket|ContainerNotFound|RESOURCE_NOT_FOUND|NOT_FOUND|\b404\b")
_SKEWED = re.compile(r"REQUEST_TIME_TOO_SKEWED|RequestTimeTooSkewed")
_HOPELESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
_REMOTE = re.compile(r"AWS Error|curlCode|google::cloud|GetFileInfo|Azure|HTTP|[Cc]onnection|timed? ?out|[Ss]ocket")
_CLIENTS = {"GoogleAuthError", "AzureError", "BotoCoreError", "ClientError"}
"""Errors of the underlying libraries other than `OSError`. By name, because the libraries may not be loaded."""
_UNREACHABLE = re.compile(r"NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|REQUEST_TIMEOUT|curlCode|UNAVAILABLE")
_BUSY = re.compile(r"\b(429|503)\b|[Cc]ould ?n.t connect|[Cc]onnection refused|COULDNT_CONNECT")
_BUSY_STATUS = {429, 503}
_UNREACHED = {"EndpointConnectionError", "ConnectTimeoutError", "ServiceRequestError"}
"""Errors of the underlying libraries for a request that was not sent."""
_SECRET = re.compile(r"((?:sig|token|password|X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential)=)[^&\s'\"]+", re.I)

_SENT_ON = re.compile(r"\b30[1278]\b|Exceeded 0 redirects")
_LOGIN = re.compile(r"://[^\s/@'\"]+@")


def from_system(error: BaseException) -> bool:
    """Whether a disk or a server failed. Corrupt data raises `OSError` too."""
    if isinstance(error, (EOFError, TimeoutError)):
        return True
    return isinstance(error, OSError) and (error.errno is not None or bool(_REMOTE.search(_without_names(str(error)))))


def outage(text: str, doing: str) -> RetriableError | None:
    """Our error if an engine's error text says that a server was unreachable, else None."""
    found = _UNREACHABLE.search(_without_names(text, doing))
    return RetriableError(f"{doing}: {found[0]}") if found else None


def busy(error: Exception) -> bool:
    """Whether a store refuses a request because it is busy, or was not reached. Nothing was done, so the same request
    may be sent again, even one that creates a file."""
    if status := _status(error):
        return status in _BUSY_STATUS
    if {kind.__name__ for kind in type(error).__mro__} & _UNREACHED:
        return True
    return type(error) is OSError and bool(_BUSY.search(_without_names(str(error))))


def translated(error: Exception, conn_id: str, doing: str) -> SluiceError | None:
    """Our error for an exception of a filesystem. None if it is not from a filesystem."""
    if isinstance(error, SluiceError):
        return error
    shown = _shown(str(error)) or type(error).__name__
    what = f"connection {conn_id}: {doing} failed: {shown}"
    # The order matters: types and HTTP statuses are reliable, so text only decides what they leave open.
    text, status = _without_names(str(error), doing), _status(error)
    if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)):
        return FatalError(what, next_step="check the path, and that the bucket or folder exists")
    if 300 <= status < 400 or (_SENT_ON.search(text) and _outside(error)):
        return FatalError(
            f"{what}; the server redirects to another address, and redirects are not followed",
            next_step=f"set the right address in the Airflow connection {conn_id}",
        )
    if _code(error) == "RequestTimeTooSkewed" or (_SKEWED.search(text) and _outside(error)):
        return FatalError(
            f"{what}; this machine's clock is wrong", next_step="set the clock: `sluice doctor` compares it"
        )
    denied = status in (401, 403) or (_DENIED.search(text) and _outside(error))
    if isinstance(error, PermissionError) or denied:
        return FatalError(what, next_step=f"check the credentials and permissions of the Airflow connection {conn_id}")
    if status == 404 or (isinstance(error, OSError) and _MISSING.search(text)):
        return FatalError(what, next_step="check the path, and that the bucket or container exists")
    if isinstance(error, OSError) and error.errno in _HOPELESS:
        return FatalError(what)
    return RetriableError(what) if _outside(error) else None


def _without_names(text: str, doing: str = "") -> str:
    """The text without names, because a bucket, folder or file may be called `404`. Clients quote names, or write them
    as paths or URLs."""
    text = re.sub(r"(?<!\w)'[^']*'|\"[^\"]*\"|`[^`]*`|\S*/\S*", " ", text)
    for name in doing.split()[1:]:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text)
    return text


def _status(error: Exception) -> int:
    """The HTTP status in the error of a cloud's client. 0 for other errors."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def _code(error: Exception) -> str:
    """The code in the error of Amazon's client. Empty for other errors."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _shown(text: str) -> str:
    """The text without secrets that URLs may contain: signatures, tokens, users and passwords."""
    return _LOGIN.sub("://", _SECRET.sub(r"\1...", text.strip()))


def _outside(error: Exception) -> bool:
    """Whether the error comes from a filesystem or a cloud's client."""
    names = {c.__name__ for c in type(error).__mro__}
    cloud = "ArrowException" in names and "google::cloud" in str(error)
    return (
        isinstance(error, (OSError, EOFError))
        or cloud
        or bool(names & {"GoogleAuthError", "AzureError", "BotoCoreError", "ClientError"})
    )
