"""Amazon S3 and what speaks its protocol."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sluice.destinations.base import Destination
from sluice.destinations.failures import Origin, of_server
from sluice.destinations.objects import Credentials, ObjectStore, ObjectStoreConfig
from sluice.errors import DefinitionError
from sluice.model.access import AwsAccess, Connections

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

_ASK_AGAIN = timedelta(minutes=10)
"""Temporary keys without a known end are asked for again this often; whoever gives them out renews them in time."""


class S3(ObjectStoreConfig):
    """An S3 bucket, by access key or assumed role: an Airflow connection of type `aws`."""

    type: Literal["s3"]
    bucket: str
    """The bucket's name."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.'()\"^\[\]+$%*= ]"

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, AwsAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type aws",
                next_step="name a connection of type aws",
            )
        origin = Origin(name, self.airflow_conn_id, f"bucket {self.bucket}")
        credentials = Credentials(lambda: _credential(access))
        return ObjectStore(
            self._store(access, credentials),
            self,
            origin,
            threads=threads,
            address=f"s3://{self.bucket}",
            credentials=credentials,
            abort_uploads=_Uploads(access, self.bucket, origin).abort,
        )

    def _store(self, access: AwsAccess, credentials: Credentials) -> S3Store:
        """Payloads are not signed: over TLS that adds nothing, and without it costs three times the CPU."""
        from obstore.store import S3Store

        endpoint, path_style = access.endpoint_url, access.path_style
        if endpoint and not path_style:
            scheme, _, host = endpoint.partition("://")
            endpoint = f"{scheme}://{self.bucket}.{host}"
        address: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        return S3Store(
            self.bucket,
            region=access.region,
            virtual_hosted_style_request=not path_style,
            unsigned_payload=True,
            credential_provider=credentials,
            client_options=self.client(
                verify=access.verify, plain_http=bool(endpoint and endpoint.startswith("http:"))
            ),
            retry_config=self.retries(),
            **address,
        )


def _credential(access: AwsAccess) -> S3Credential:
    keys = access.keys()
    now = datetime.now(UTC)
    ends = datetime.fromtimestamp(keys.expires_at, UTC) if keys.expires_at else None
    return {
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "token": keys.token,
        "expires_at": ends or (now + _ASK_AGAIN if keys.token else None),
    }


@dataclass(frozen=True)
class _Uploads:
    """The bucket's unfinished multipart uploads: the one thing that needs a client of its own, since obstore cannot
    list them."""

    access: AwsAccess
    bucket: str
    origin: Origin

    def abort(self, keys: set[str]) -> int:
        """Abort every unfinished upload of these keys; their count."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client()
        prefix = os.path.commonprefix(list(keys))  # noqa: RUF071 (keys are strings, not paths)
        aborted = 0
        try:
            for key, upload_id in self._unfinished(client, prefix):
                if key in keys:
                    client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
                    aborted += 1
        except (BotoCoreError, ClientError) as error:
            raise of_server(_text(error), self.origin, f"abort uploads below s3://{self.bucket}/{prefix}") from None
        return aborted

    def _unfinished(self, client: Any, prefix: str) -> Iterator[tuple[str, str]]:
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["UploadId"]

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        keys = self.access.keys()
        session = boto3.session.Session(
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.token,
            region_name=self.access.region,
        )
        style = "path" if self.access.path_style else "virtual"
        settings = Config(s3={"addressing_style": style}, retries={"mode": "standard", "total_max_attempts": 5})
        return session.client("s3", endpoint_url=self.access.endpoint_url, verify=self.access.verify, config=settings)


def _text(error: Any) -> str:
    """A botocore failure in the words that `of_server` reads."""
    answer = getattr(error, "response", None)
    if answer is None:
        return str(error)
    return f"status: {answer['ResponseMetadata']['HTTPStatusCode']} <Code>{answer['Error']['Code']}</Code>"
