"""Cloud Storage's XML API, which speaks Amazon's protocol and has its own checksum header, `x-goog-hash`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluice.destinations import sums
from sluice.destinations.buckets import NOTHING, Bucket


class GoogleBucket(Bucket):
    """With HMAC keys. Requests with Amazon's signature cannot have Google's headers, so a body is sent with its MD5."""

    head_args = NOTHING

    def __init__(self, client: Any, bucket: str, *, extra_args: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(client, bucket, extra_args=extra_args, removed_at_once=1)

    def upload_args(self) -> Mapping[str, Any]:
        return {}

    def sums_of(self, body: bytes, crc32c: str) -> Mapping[str, Any]:  # noqa: ARG002 - Google returns it
        return {"ContentMD5": sums.text(sums.md5(body))}

    def checksum_in(self, answer: Mapping[str, Any]) -> str | None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        found = re.search(r"crc32c=([\w+/=]+)", headers.get("x-goog-hash", ""))
        return found[1] if found else None


class GoogleBucketByToken(GoogleBucket):
    """With a bearer token, or anonymous. A body is sent with its CRC32C. `kms_key` encrypts every object."""

    def __init__(self, client: Any, bucket: str, kms_key: str | None = None) -> None:
        super().__init__(client, bucket)
        self._kms_key = kms_key
        for operation in ("PutObject", "UploadPart", "CreateMultipartUpload"):
            client.meta.events.register(f"before-call.s3.{operation}", self._add)

    def sums_of(self, body: bytes, crc32c: str) -> Mapping[str, Any]:  # noqa: ARG002 - sent in a header of Google
        return {}

    def _add(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name != "CreateMultipartUpload":
            body = params["body"]
            params["headers"]["x-goog-hash"] = (
                f"crc32c={sums.crc32c(body if isinstance(body, bytes) else body.getvalue())}"
            )
        if self._kms_key:
            params["headers"]["x-goog-encryption-kms-key-name"] = self._kms_key
