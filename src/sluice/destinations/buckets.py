"""Buckets behind Amazon's protocol: S3, compatible stores, and Cloud Storage's XML API, through botocore.

Amazon verifies a CRC32C on every object and part, and returns its own. So do many other servers. If a server returns
none, its ETag is compared if that is an MD5. If it is not, every later body is sent with its MD5, for the server to
verify.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from sluice.destinations import sums
from sluice.destinations.failures import Answer, Failure, Origin, WrongAnswerError, of_answer
from sluice.destinations.objects import MIB, Found, Upload
from sluice.destinations.sums import Digest
from sluice.destinations.transport import of_transport

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Bucket:
    """A `Store`. `extra_args` is sent with every new object: encryption, an ACL."""

    digest: Callable[[], Digest] = staticmethod(sums.running_crc32c)
    head_args: Mapping[str, Any] = MappingProxyType({"ChecksumMode": "ENABLED"})
    """Arguments of a HEAD request."""

    def __init__(
        self, client: Any, bucket: str, *, extra_args: Mapping[str, Any] = NOTHING, removed_at_once: int = 1000
    ) -> None:
        self.client, self.bucket, self.extra_args = client, bucket, extra_args
        self.removed_at_once = removed_at_once
        self._mute = False

    def put(self, key: str, body: bytes) -> str | None:
        own = sums.crc32c(body)
        given = self.sums_of(body, own)
        answer = self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **self.extra_args, **given)
        try:
            return self.confirmed(answer, body, own)
        except WrongAnswerError:
            self.drop(key)
            raise

    def begin(self, key: str) -> Upload:
        return BucketUpload(self, key)

    def look(self, key: str) -> Found | None:
        try:
            answer = self._head(key)
        except self.client.exceptions.ClientError as error:
            refused = _answer(error)
            if refused.status == 404 and refused.code in ("", "NoSuchKey"):
                return None
            if refused.status == 403 and not self._is_listed(key):
                return None
            raise
        etag, said = etag_of(answer), self.checksum_in(answer)
        return Found(key, answer["ContentLength"], sums.named(crc32c=said) if said else sums.named(etag))

    def page(self, prefix: str, token: str | None) -> tuple[list[Found], str | None]:
        further = {"ContinuationToken": token} if token else {}
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **further)
        if "IsTruncated" not in answer and "Name" not in answer:
            raise WrongAnswerError("a list without the bucket's name")
        rows = [Found(row["Key"], row["Size"], None) for row in answer.get("Contents", ())]
        return [row for row in rows if not row.key.endswith("/")], answer.get("NextContinuationToken")

    def open(self, key: str, start: int) -> Iterator[bytes]:
        ranged = {"Range": f"bytes={start}-"} if start else {}
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key, **ranged)
        except self.client.exceptions.ClientError as error:
            if _answer(error).code == "NoSuchKey":
                raise KeyError(key) from None
            raise
        with closing(answer["Body"]) as body:
            etag_of(answer)
            yield from body.iter_chunks(MIB)

    def remove(self, keys: Sequence[str]) -> None:
        if self.removed_at_once == 1:
            with suppress(
                self.client.exceptions.NoSuchKey
            ):  # Google's answer for a missing object; Amazon reports success
                self.client.delete_object(Bucket=self.bucket, Key=keys[0])
            return
        listed = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = self.client.delete_objects(Bucket=self.bucket, Delete=listed)
        for error in answer.get("Errors", ()):
            if error.get("Code") != "NoSuchKey":
                raise _NotRemovedError(error.get("Code", ""))

    def abort(self, keys: set[str]) -> int:
        return sum(self._abort(key, upload_id) for key, upload_id in self._unfinished(keys) if key in keys)

    def failure(self, error: Exception, origin: Origin, act: str) -> Failure:
        from botocore.exceptions import ClientError, ParamValidationError

        if isinstance(error, _NotRemovedError):
            return of_answer(Answer(_STATUS_OF.get(error.code, 403), error.code), origin, act)
        if isinstance(error, ClientError):
            answer = _answer(error)
            own = answer.region == self.client.meta.region_name
            return of_answer(replace(answer, region="") if own else answer, origin, act)
        if isinstance(error, ParamValidationError):
            return Failure(origin.fatal(f"cannot {act}: {origin.container} is not a valid bucket name"), passing=False)
        return of_transport(error, origin, act)

    def drop(self, key: str) -> None:
        """Try to remove an object that differs from what was sent."""
        with suppress(Exception):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def upload_args(self) -> Mapping[str, Any]:
        """Arguments that start a multipart upload, in addition to `extra_args`."""
        return {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}

    def sums_of(self, body: bytes, crc32c: str) -> Mapping[str, Any]:
        """The checksums that are sent with a body."""
        own = {"ChecksumCRC32C": crc32c}
        return own | {"ContentMD5": sums.text(sums.md5(body))} if self._mute else own

    def checksum_in(self, answer: Mapping[str, Any]) -> str | None:
        """The CRC32C in an answer."""
        return answer.get("ChecksumCRC32C")

    def confirmed(self, answer: Mapping[str, Any], body: bytes, own: str) -> str:
        """Compare the answer with the body, whose CRC32C is `own`. Returns the receipt; raises `WrongAnswerError` if
        they differ."""
        etag, said = etag_of(answer), self.checksum_in(answer)
        if said:
            compare(said, own)
        elif sums.is_md5(etag) and answer.get("ServerSideEncryption", "AES256") == "AES256":
            compare(etag, sums.md5(body).hex())
        else:
            self._mute = True
        return sums.named(etag, own)

    def _head(self, key: str) -> Mapping[str, Any]:
        """HEAD with the checksum, or without it if that is denied: a KMS key may permit writing only."""
        try:
            return self.client.head_object(Bucket=self.bucket, Key=key, **self.head_args)  # type: ignore[no-any-return]
        except self.client.exceptions.ClientError as error:
            if _answer(error).status != 403 or not self.head_args:
                raise
        return self.client.head_object(Bucket=self.bucket, Key=key)  # type: ignore[no-any-return]

    def _is_listed(self, key: str) -> bool:
        """Whether an object exists whose HEAD request was denied. Without permission to list the bucket, S3 also denies
        HEAD for a missing object. The answer to a list also says why; a HEAD answer has no body for it."""
        try:
            answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        except self.client.exceptions.ClientError as error:
            if _answer(error).code in ("AccessDenied", "AllAccessDisabled"):
                return False
            raise
        return any(row["Key"] == key for row in answer.get("Contents", ()))

    def _abort(self, key: str, upload_id: str) -> int:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except self.client.exceptions.ClientError as error:
            if _answer(error).code != "NoSuchUpload":  # another process ended it
                raise
            return 0
        return 1

    def _unfinished(self, keys: set[str]) -> Iterator[tuple[str, str]]:
        prefix = os.path.commonprefix(list(keys))  # noqa: RUF071 (keys are strings, not paths)
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
        try:
            for page in pages:
                for upload in page.get("Uploads", ()):
                    yield upload["Key"], upload["UploadId"]
        except self.client.exceptions.ClientError as error:
            if _answer(error).code != "NoSuchUpload":  # rclone's answer for a bucket without any upload
                raise


class BucketUpload:
    """An `Upload`. When it starts, the server says whether it checks the checksum of the whole object, only those of
    its parts, or none. Only checksums that it supports are sent."""

    def __init__(self, at: Bucket, key: str) -> None:
        self._at, self._key = at, key
        answer = at.client.create_multipart_upload(Bucket=at.bucket, Key=key, **at.extra_args, **at.upload_args())
        self._upload_id = answer.get("UploadId")
        if not self._upload_id:
            raise WrongAnswerError("an upload without an id")
        self._whole = answer.get("ChecksumType") == "FULL_OBJECT"
        self._by_part = bool(answer.get("ChecksumAlgorithm"))
        self._etags: dict[int, str] = {}
        self._sums: dict[int, str] = {}

    def part(self, number: int, body: bytes) -> None:
        own = sums.crc32c(body)
        given = self._at.sums_of(body, own)
        answer = self._at.client.upload_part(PartNumber=number, Body=body, **self._named, **given)
        self._at.confirmed(answer, body, own)
        self._etags[number], self._sums[number] = answer["ETag"], own

    def complete(self, size: int, digest: bytes) -> str | None:
        whole = sums.text(digest)
        checksums = {"ChecksumCRC32C": whole, "ChecksumType": "FULL_OBJECT"} if self._whole else {}
        numbers = sorted(self._etags)
        parts = [{"PartNumber": number, "ETag": self._etags[number]} for number in numbers]
        if self._by_part:
            parts = [part | {"ChecksumCRC32C": self._sums[number]} for number, part in zip(numbers, parts, strict=True)]
        answer = self._at.client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **self._named, **checksums)
        try:
            return self._confirmed(answer, size, whole, sums.of_parts(self._sums[number] for number in numbers))
        except WrongAnswerError:
            self._at.drop(self._key)
            raise

    def abort(self) -> None:
        self._at.client.abort_multipart_upload(**self._named)

    @property
    def _named(self) -> dict[str, Any]:
        return {"Bucket": self._at.bucket, "Key": self._key, "UploadId": self._upload_id}

    def _confirmed(self, answer: Mapping[str, Any], size: int, whole: str, of_parts: str) -> str | None:
        """The receipt. Some servers complete an upload without describing the object: then a HEAD request checks it."""
        said, etag = self._at.checksum_in(answer), answer.get("ETag")
        if said:
            compare(said, of_parts if "-" in said else whole)
        if not etag:
            found = self._at.look(self._key)
            if found is None or found.size != size:
                raise WrongAnswerError("completed, but the object is missing")
            etag = ""
        parts = f" {sums.named(crc32c=said)}" if said and said != whole else ""
        return sums.named(etag, whole) + parts


_REGION_CODES = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"}


class _NotRemovedError(Exception):
    """S3 answers 200 and lists the objects that it did not remove."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_STATUS_OF = {"InternalError": 500, "SlowDown": 503, "ServiceUnavailable": 503}


def compare(said: str, sent: str) -> None:
    """Raises `WrongAnswerError` if a store confirms another checksum than that of the data sent."""
    if said.strip('"') != sent:
        raise WrongAnswerError(f"it confirms the checksum {said[:64]}, but {sent} was sent", changed=True)


def etag_of(answer: Mapping[str, Any]) -> str:
    """The ETag. Raises `WrongAnswerError` if there is none: every object has one, and a proxy's page has none."""
    etag = answer.get("ETag")
    if not etag:
        raise WrongAnswerError("an answer without an ETag")
    return str(etag).strip('"')


def _answer(error: Any) -> Answer:
    """A botocore `ClientError` as an answer."""
    said, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    headers, status, code = meta.get("HTTPHeaders", {}), meta.get("HTTPStatusCode", 0), str(said.get("Code", ""))
    elsewhere = status in (301, 307, 400) and (code in _REGION_CODES or not code or code.isdigit())
    region = str(said.get("Region") or headers.get("x-amz-bucket-region", "")) if elsewhere else ""
    host = urlsplit(headers.get("location", "")).netloc
    return Answer(status, "" if code.isdigit() else code, region, host)
