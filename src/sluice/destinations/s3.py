"""Amazon S3 and compatible stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from sluice.destinations.base import Destination
from sluice.destinations.buckets import NOTHING, Bucket
from sluice.destinations.failures import Origin
from sluice.destinations.objects import ObjectStore, ObjectStoreConfig
from sluice.errors import DefinitionError
from sluice.filesystem.clients import Renewed, s3_client
from sluice.model.access import AwsAccess, Connections
from sluice.model.declared import Declared


class Encryption(Declared):
    """Server-side encryption, requested with every file."""

    type: Literal["aes256", "kms"]
    """`aes256` uses S3's own keys, `kms` a key in AWS KMS."""
    key: str | None = None
    """The id, ARN or alias of the KMS key. Default: the account's own key for S3."""
    bucket_key: bool | None = None
    """Whether S3 calls KMS once per bucket instead of once per file, which costs less. Default: the bucket's
    setting."""

    @model_validator(mode="after")
    def _keys_are_kms(self) -> Encryption:
        if self.type != "kms" and (self.key is not None or self.bucket_key is not None):
            raise ValueError("`key` and `bucket_key` belong to KMS: write `type: kms`, or delete them")
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """The same as arguments of S3's client."""
        arguments = {
            "ServerSideEncryption": "aws:kms" if self.type == "kms" else "AES256",
            "SSEKMSKeyId": self.key,
            "BucketKeyEnabled": self.bucket_key,
        }
        return {name: value for name, value in arguments.items() if value is not None}


class S3(ObjectStoreConfig):
    """An S3 bucket. The Airflow connection is of type `aws` and holds an access key or a role to assume."""

    type: Literal["s3"]
    bucket: str
    """The bucket's name."""
    encryption: Encryption | None = None
    """Server-side encryption of every file. Default: the bucket's setting."""
    acl: Literal["bucket-owner-full-control", "bucket-owner-read", "private"] | None = None
    """The canned ACL of every file, for buckets of another account: `bucket-owner-full-control` if the owner requires
    it. Buckets with ACLs turned off accept no other value."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.'()\"^\[\]+$%*= ]"

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, AwsAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type aws",
                next_step="name a connection of type aws",
            )
        extra_args = (self.encryption.arguments if self.encryption else {}) | ({"ACL": self.acl} if self.acl else {})
        return open_bucket(
            self, access, self.bucket, Bucket, name=name, threads=threads, scheme="s3", extra_args=extra_args
        )


def open_bucket(
    config: ObjectStoreConfig,
    access: AwsAccess,
    bucket: str,
    kind: Callable[..., Bucket],
    *,
    name: str,
    threads: int,
    scheme: str,
    extra_args: Mapping[str, Any] = NOTHING,
) -> ObjectStore:
    """Open a bucket behind an API that accepts Amazon's signatures; `extra_args` is sent with every new object. A
    bucket with dots in its name is addressed by path, because no certificate covers such a host name."""
    server = access.endpoint_url or f"https://s3.{access.region}.amazonaws.com"
    client = s3_client(
        Renewed(access.keys),
        access.region,
        access.endpoint_url,
        path_style=access.path_style or "." in bucket,
        verify=access.verify,
        waits=config.waits(threads),
    )
    origin = Origin(name, config.airflow_conn_id, f"bucket {bucket}", server)
    return ObjectStore(
        kind(client, bucket, extra_args=extra_args), config, origin, threads=threads, address=f"{scheme}://{bucket}"
    )
