"""Amazon S3 and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from sluice.destinations.base import Destination
from sluice.destinations.failures import Origin
from sluice.destinations.objects import Credentials, ObjectStore, ObjectStoreConfig
from sluice.destinations.uploads import Uploads, signing_client
from sluice.errors import DefinitionError
from sluice.model.access import AwsAccess, Connections
from sluice.model.declared import Declared

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

_ASK_AGAIN = timedelta(minutes=10)
"""Temporary keys without a known end are asked for again this often; whoever gives them out renews them in time."""

GOOGLE_REGION = "auto"
"""The region that signatures name where the bucket is Google's."""


class Encryption(Declared):
    """How S3 encrypts what it stores, asked for with every file."""

    type: Literal["aes256", "kms"]
    """`aes256` by S3's own keys, `kms` by a key in AWS KMS."""
    key: str | None = None
    """The KMS key's id, ARN or alias; the account's own key for S3 unless given."""
    bucket_key: bool | None = None
    """Whether S3 asks KMS once a bucket instead of once a file, which costs less; as the bucket says unless given."""

    @model_validator(mode="after")
    def _keys_are_kms(self) -> Encryption:
        if self.type != "kms" and (self.key is not None or self.bucket_key is not None):
            raise ValueError("`key` and `bucket_key` belong to KMS: write `type: kms`, or delete them")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """In obstore's words, which puts them into the requests that S3 wants them in."""
        asked = {
            "server_side_encryption": "aws:kms" if self.type == "kms" else "AES256",
            "sse_kms_key_id": self.key,
            "sse_bucket_key_enabled": self.bucket_key,
        }
        return {name: value for name, value in asked.items() if value is not None}


class S3(ObjectStoreConfig):
    """An S3 bucket, by access key or assumed role: an Airflow connection of type `aws`."""

    type: Literal["s3"]
    bucket: str
    """The bucket's name."""
    encryption: Encryption | None = None
    """Server-side encryption of every file; what the bucket does by itself unless given."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.'()\"^\[\]+$%*= ]"

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, AwsAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type aws",
                next_step="name a connection of type aws",
            )
        settings = self.encryption.settings if self.encryption else {}
        return open_bucket(self, access, self.bucket, name=name, threads=threads, scheme="s3", settings=settings)


def open_bucket(
    config: ObjectStoreConfig,
    access: AwsAccess,
    bucket: str,
    *,
    name: str,
    threads: int,
    scheme: str,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> ObjectStore:
    """A bucket behind an API that takes Amazon's signatures; `settings` are further ones of obstore's client."""
    server = access.endpoint_url or f"s3.{access.region}.amazonaws.com"
    origin = Origin(name, config.airflow_conn_id, f"bucket {bucket}", server)
    credentials = Credentials(lambda: _credential(access))
    address = f"{scheme}://{bucket}"
    return ObjectStore(
        _store(config, access, bucket, credentials, settings),
        config,
        origin,
        threads=threads,
        address=address,
        credentials=credentials,
        abort_uploads=lambda keys: Uploads(signing_client(access), bucket, origin, address).abort(keys),
    )


def _store(
    config: ObjectStoreConfig, access: AwsAccess, bucket: str, credentials: Credentials, settings: Mapping[str, Any]
) -> S3Store:
    """Payloads are not signed: over TLS a signature adds nothing, and it costs three times the CPU."""
    from obstore.store import S3Store

    endpoint = access.endpoint_url
    if endpoint and not access.path_style:
        scheme, _, host = endpoint.partition("://")
        endpoint = f"{scheme}://{bucket}.{host}"
    address: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    bulk = access.region != GOOGLE_REGION  # Google's API removes one object at a time
    return S3Store(
        bucket,
        region=access.region,
        virtual_hosted_style_request=not access.path_style,
        unsigned_payload=True,
        disable_bulk_delete=not bulk,
        credential_provider=credentials,
        client_options=config.client(verify=access.verify, plain_http=bool(endpoint and endpoint.startswith("http:"))),
        retry_config=config.retries(),
        **address,
        **settings,
    )


def _credential(access: AwsAccess) -> S3Credential:
    keys = access.keys()
    ends = datetime.fromtimestamp(keys.expires_at, UTC) if keys.expires_at else None
    return {
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "token": keys.token,
        "expires_at": ends or (datetime.now(UTC) + _ASK_AGAIN if keys.token else None),
    }
