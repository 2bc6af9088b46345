"""Unfinished multipart uploads of an S3-shaped API (Amazon's, Google's XML API), which obstore cannot list."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.destinations.failures import Origin, of_server
from sluice.model.access import AwsAccess, BearerToken


@dataclass(frozen=True)
class Uploads:
    """A bucket's unfinished uploads, through a botocore client."""

    client: Any
    bucket: str
    origin: Origin
    address: str

    def abort(self, keys: set[str]) -> int:
        """Abort every unfinished upload of these keys; their count."""
        from botocore.exceptions import BotoCoreError, ClientError

        prefix = os.path.commonprefix(list(keys))  # noqa: RUF071 (keys are strings, not paths)
        try:
            return sum(self._abort(key, upload_id) for key, upload_id in self._unfinished(prefix) if key in keys)
        except (BotoCoreError, ClientError) as error:
            if _gone(error):
                return 0
            raise of_server(_text(error), self.origin, f"abort uploads below {self.address}/{prefix}") from None
        finally:
            self.client.close()

    def _abort(self, key: str, upload_id: str) -> int:
        from botocore.exceptions import ClientError

        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if not _gone(error):
                raise
            return 0
        return 1

    def _unfinished(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["UploadId"]


def _gone(error: Any) -> bool:
    """Somebody else has ended the upload; rclone says so, too, of a bucket that never had one."""
    code: str = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code == "NoSuchUpload"


def signing_client(access: AwsAccess) -> Any:
    """A client that signs with the connection's keys."""
    keys = access.keys()
    return _client(
        access.endpoint_url,
        access.region,
        style="path" if access.path_style else "virtual",
        verify=access.verify,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.token,
    )


def bearing_client(endpoint_url: str, token: BearerToken | None) -> Any:
    """A client that shows a token, or nothing where there is none."""
    from botocore import UNSIGNED

    client = _client(endpoint_url, "auto", style="path", signature_version=UNSIGNED)
    if token is not None:
        bearer = f"Bearer {token.token}"

        def show(request: Any, **_: Any) -> None:
            request.headers["Authorization"] = bearer

        client.meta.events.register("before-send.s3", show)
    return client


def _client(
    endpoint_url: str | None,
    region: str,
    *,
    style: str,
    verify: bool | str = True,
    signature_version: Any = None,
    **keys: str | None,
) -> Any:
    import boto3
    from botocore.config import Config

    settings = Config(
        s3={"addressing_style": style},
        signature_version=signature_version,
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=10,
        read_timeout=60,
    )
    session = boto3.session.Session(region_name=region, **keys)
    return session.client("s3", endpoint_url=endpoint_url, verify=verify, config=settings)


def _text(error: Any) -> str:
    """A botocore failure in the words that `of_server` reads."""
    answer = getattr(error, "response", None)
    if answer is None:
        return str(error)
    return f"status: {answer['ResponseMetadata']['HTTPStatusCode']} <Code>{answer['Error']['Code']}</Code>"
