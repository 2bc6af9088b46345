"""What a destination's failure means to the reader: retry, or correct something first.

Failures are classified by status, code and type alone. The clients' own messages hold names that others may have
chosen, and request URLs, which may hold a signature: none of their text is read or passed on.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import NamedTuple

from sluice.errors import FatalError, SluiceError
from sluice.model.origin import Origin as Origin
from sluice.model.origin import label as label

_KEY_CODES = {
    "InvalidAccessKeyId", "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation",
    "InvalidSecurity", "UnauthorizedAccess", "invalid_grant", "invalid_client", "unauthorized_client",
}  # fmt: skip
_EXPIRED_CODES = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "InvalidToken"}
_CONTAINER_CODES = {"NoSuchBucket", "ContainerNotFound", "FilesystemNotFound", "ContainerBeingDeleted"}
_REGION_CODES = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
                 "IllegalLocationConstraintException"}  # fmt: skip
_CLOCK_CODES = {"RequestTimeTooSkewed"}
_FULL_CODES = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"}
_CHANGED_CODES = {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch",
                  "Md5Mismatch", "Crc64Mismatch"}  # fmt: skip
_KEPT_CODES = {
    "BlobImmutableDueToPolicy",
    "BlobImmutableDueToLegalHold",
    "RetentionPolicyNotMet",
    "ObjectUnderActiveHold",
}
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504, 507}
_TRANSIENT_CODES = {"SlowDown", "RequestTimeout", "ServerBusy", "Throttling", "ThrottlingException",
                    "InternalError", "OperationTimedOut"}  # fmt: skip
_ENDED_CODES = {"NoSuchUpload", "InvalidBlockList"}
"""Another process ended the upload: the same request would fail again, but a new upload may succeed."""


@dataclass(frozen=True)
class Answer:
    """A server's error response: the HTTP status (0 if it gave none), its own error code, the region if the bucket is
    in another one, and the host that it redirects to."""

    status: int = 0
    code: str = ""
    region: str = ""
    sent_on: str = ""

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed if it is retried soon."""
        return self.status in _TRANSIENT_STATUS or self.code in _TRANSIENT_CODES | _CHANGED_CODES


class Failure(NamedTuple):
    """A failed request: the error to raise, and whether the same request may succeed if it is retried soon."""

    error: SluiceError
    passing: bool
    wait: float = 0.0
    """The seconds that the server asks to wait before the next attempt."""


def of_answer(answer: Answer, origin: Origin, act: str) -> Failure:
    """The failure for a server's answer to the request `act` ("write s3://bucket/name")."""
    return Failure(_answered(answer, origin, act), answer.passing)


def look_at(origin: Origin) -> str:
    """What to do about a server that is not working."""
    return f"check the server {origin.server}" if origin.server else ""


def _answered(answer: Answer, origin: Origin, act: str) -> SluiceError:
    code, said = answer.code, " ".join(filter(None, (str(answer.status or ""), answer.code)))
    conn = f"the Airflow connection {origin.airflow_conn_id}"
    if answer.region or code in _REGION_CODES:
        return _elsewhere(answer, origin, act)
    if 300 <= answer.status < 400:
        return origin.fatal(
            f"cannot {act}: {origin.server} redirects to {answer.sent_on or 'another address'} ({said}), and redirects"
            " are not followed",
            f"if that is the right address, put it into {conn}; if not, the connection may be intercepted",
        )
    if code in _EXPIRED_CODES:
        return origin.fatal(f"cannot {act}: its credentials have expired ({said})", f"renew the credentials in {conn}")
    if code in _CLOCK_CODES:
        return origin.fatal(f"cannot {act}: this machine's clock is wrong ({said})", "set the clock")
    if code in _CONTAINER_CODES:
        return origin.fatal(
            f"cannot {act}: {origin.container} does not exist ({said})",
            f"create it, or correct its name in the declaration of connection {origin.connection}",
        )
    if code in _FULL_CODES or answer.status == 507:
        return origin.retriable(f"cannot {act}: the storage is full ({said})", "free space at the destination")
    if code in _CHANGED_CODES:
        return origin.retriable(
            f"cannot {act}: the data that arrived differs from what was sent ({said})", _between(origin)
        )
    if answer.passing or code in _ENDED_CODES:
        return origin.retriable(f"cannot {act}: the server is busy or failing ({said})", look_at(origin))
    return _refused(answer, said, origin, act)


def _refused(answer: Answer, said: str, origin: Origin, act: str) -> FatalError:
    conn = f"the Airflow connection {origin.airflow_conn_id}"
    if answer.code == "SignatureDoesNotMatch":
        return origin.fatal(
            f"cannot {act}: the server knows the access key, but its secret is wrong ({said})",
            f"correct the secret in {conn}",
        )
    if answer.code in _KEY_CODES or answer.status == 401:
        return origin.fatal(
            f"cannot {act}: the server rejects the credentials ({said})", f"correct the credentials in {conn}"
        )
    if answer.code == "AuthorizationFailure":  # Azure's for its network rules, and Azurite's for a wrong key
        return origin.fatal(
            f"cannot {act}: the storage account denies access ({said})",
            f"allow this machine in its network rules, or correct the credentials in {conn}",
        )
    if answer.code in _KEPT_CODES:
        return origin.fatal(
            f"cannot {act}: a retention policy or hold of {origin.container} protects the file ({said})"
        )
    if answer.status == 403:
        verb = act.partition(" ")[0]
        right = "abort uploads" if verb == "abort" else f"{verb} files"
        return origin.fatal(
            f"cannot {act}: permission denied ({said})",
            f"grant the identity of {conn} permission to {right} in this folder",
        )
    return origin.fatal(f"cannot {act}: the server answered {said}")


def _elsewhere(answer: Answer, origin: Origin, act: str) -> FatalError:
    said = " ".join(filter(None, (str(answer.status or ""), answer.code)))
    where = f"the region {answer.region}" if answer.region else "another region"
    return origin.fatal(
        f"cannot {act}: {origin.container} is in {where} ({said})",
        f"set the extra `region_name` of the Airflow connection {origin.airflow_conn_id} to"
        f" {f'`{answer.region}`' if answer.region else 'its region'}",
    )


class WrongAnswerError(Exception):
    """An answer that confirms other data than was sent, or that no object store gives; `said` is the evidence."""

    def __init__(self, said: str, *, changed: bool = False) -> None:
        super().__init__(said)
        self.said, self.changed = said, changed

    def failure(self, origin: Origin, act: str) -> Failure:
        """The failure for the request `act`."""
        if self.changed:
            what = f"cannot {act}: the data that arrived differs from what was sent ({self.said})"
            return Failure(origin.retriable(what, _between(origin)), passing=True)
        what = f"cannot {act}: the answer did not come from an object store ({self.said})"
        next_step = f"find out what answers at {origin.server}: it may be a proxy or a login page"
        return Failure(origin.retriable(what, next_step), passing=True)


def _between(origin: Origin) -> str:
    return f"check whether a proxy between this machine and {origin.server} changes the data"


_FATAL_ERRNO = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the filesystem is read-only",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EEXIST: "there is a file where a folder is needed",
    errno.EISDIR: "there is a folder where the file should be",
    errno.ENAMETOOLONG: "the name is too long for this filesystem",
    errno.EFBIG: "the file is too large for this filesystem",
    errno.ELOOP: "its symbolic links form a loop",
}

_REMEDIES = dict.fromkeys(
    (errno.EACCES, errno.EPERM), "give the user that runs Airflow write permission there"
) | dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "remove that file, or declare another folder")


def of_disk(error: OSError, origin: Origin, act: str) -> SluiceError:
    """The error for a local filesystem's failure."""
    number = error.errno or 0
    if number in (errno.ENOSPC, errno.EDQUOT):
        return origin.retriable(f"cannot {act}: the disk is full", f"free space in {origin.container}")
    if number in _FATAL_ERRNO:
        return origin.fatal(f"cannot {act}: {_FATAL_ERRNO[number]}", _REMEDIES.get(number, ""))
    return origin.retriable(f"cannot {act}: {errno.errorcode.get(number, 'I/O error')}")
