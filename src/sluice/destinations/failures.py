"""What a destination's failure means to the reader: try again, or correct something first.

Failures are told apart by status, code and type alone. The clients' own messages hold names that anybody may have
chosen, and request URLs, which may hold a signature: none of their text is looked at or passed on.
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
"""Somebody else has ended the upload: the next one begins anew, and the same request would fail again."""


@dataclass(frozen=True)
class Answer:
    """What a server answered instead of doing what it was asked: the HTTP status (0 if it gave none), its own error
    code, and if the bucket lies elsewhere or the answer sends us on, where to."""

    status: int = 0
    code: str = ""
    region: str = ""
    sent_on: str = ""

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return self.status in _TRANSIENT_STATUS or self.code in _TRANSIENT_CODES | _CHANGED_CODES


class Failure(NamedTuple):
    """A failed request: our error, and whether the same request may succeed in a moment."""

    error: SluiceError
    passing: bool


def of_answer(answer: Answer, origin: Origin, act: str) -> Failure:
    """The error for a server's answer when it was asked to `act` ("write s3://bucket/name")."""
    return Failure(_answered(answer, origin, act), answer.passing)


def look_at(origin: Origin) -> str:
    """What to do about a server that is out of order."""
    return f"look at the server {origin.server}" if origin.server else ""


def _answered(answer: Answer, origin: Origin, act: str) -> SluiceError:
    code, said = answer.code, " ".join(filter(None, (str(answer.status or ""), answer.code)))
    conn = f"the Airflow connection {origin.airflow_conn_id}"
    if answer.region or code in _REGION_CODES:
        return _elsewhere(answer, origin, act)
    if 300 <= answer.status < 400:
        return origin.fatal(
            f"cannot {act}: {origin.server} sends us on to {answer.sent_on or 'another address'} ({said}), and no"
            " destination is followed to another address",
            f"if that is the right one, put it into {conn}; if not, somebody may be standing between",
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
        return origin.retriable(f"cannot {act}: the storage is full ({said})", "make room at the destination")
    if code in _CHANGED_CODES:
        return origin.retriable(f"cannot {act}: other bytes arrived than were sent ({said})", _between(origin))
    if answer.passing or code in _ENDED_CODES:
        return origin.retriable(f"cannot {act}: the server is busy or failing ({said})", look_at(origin))
    return _refused(answer, said, origin, act)


def _refused(answer: Answer, said: str, origin: Origin, act: str) -> FatalError:
    conn = f"the Airflow connection {origin.airflow_conn_id}"
    if answer.code == "SignatureDoesNotMatch":
        return origin.fatal(
            f"cannot {act}: the server knows the key and finds its secret wrong ({said})",
            f"correct the secret in {conn}",
        )
    if answer.code in _KEY_CODES or answer.status == 401:
        return origin.fatal(f"cannot {act}: the server refuses its key ({said})", f"correct the credentials in {conn}")
    if answer.code == "AuthorizationFailure":  # Azure's for its network rules, and Azurite's for a wrong key
        return origin.fatal(
            f"cannot {act}: the storage account does not let us in ({said})",
            f"let its network rules admit this machine, or correct the credentials in {conn}",
        )
    if answer.code in _KEPT_CODES:
        return origin.fatal(f"cannot {act}: a rule of {origin.container} keeps it as it is ({said})")
    if answer.status == 403:
        verb = act.partition(" ")[0]
        return origin.fatal(
            f"cannot {act}: permission denied ({said})", f"let the identity of {conn} {verb} below this folder"
        )
    return origin.fatal(f"cannot {act}: the server answered {said}")


def _elsewhere(answer: Answer, origin: Origin, act: str) -> FatalError:
    said = " ".join(filter(None, (str(answer.status or ""), answer.code)))
    where = f"the region {answer.region}" if answer.region else "another region"
    return origin.fatal(
        f"cannot {act}: {origin.container} lies in {where} ({said})",
        f"put `{answer.region or 'its region'}` into the extra `region_name` of the Airflow connection"
        f" {origin.airflow_conn_id}",
    )


class WrongAnswerError(Exception):
    """An answer that shows other bytes than were sent, or that no object store gives; `said` is how that shows."""

    def __init__(self, said: str, *, changed: bool = False) -> None:
        super().__init__(said)
        self.said, self.changed = said, changed

    def failure(self, origin: Origin, act: str) -> Failure:
        """What it means while the store was asked to `act`."""
        if self.changed:
            what = f"cannot {act}: other bytes arrived than were sent ({self.said})"
            return Failure(origin.retriable(what, _between(origin)), passing=True)
        what = f"cannot {act}: the answer is not one of an object store ({self.said})"
        next_step = f"find out what answers at {origin.server}: a proxy, a login page?"
        return Failure(origin.retriable(what, next_step), passing=True)


def _between(origin: Origin) -> str:
    return f"find out what stands between this machine and {origin.server}"


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
