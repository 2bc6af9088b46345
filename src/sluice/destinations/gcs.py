"""Google Cloud Storage, through its XML API: the only one of its APIs with parallel uploads of unknown length."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.destinations.base import Destination
from sluice.destinations.failures import Origin
from sluice.destinations.google import GoogleBucket, GoogleBucketByToken
from sluice.destinations.objects import ObjectStore, ObjectStoreConfig
from sluice.destinations.s3 import open_bucket
from sluice.errors import DefinitionError
from sluice.filesystem.clients import Renewed, s3_client
from sluice.model.access import AwsAccess, Connections, GoogleAccess

ENDPOINT = "https://storage.googleapis.com"
GOOGLE_REGION = "auto"
"""The region in signatures for a bucket of Google's."""


class Gcs(ObjectStoreConfig):
    """A Cloud Storage bucket. The Airflow connection is of type `google_cloud_platform` and holds a service account or
    an HMAC key."""

    type: Literal["gcs"]
    bucket: str
    """The bucket's name."""
    kms_key: str | None = Field(
        default=None, pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$"
    )
    """The Cloud KMS key that encrypts every file, `projects/.../cryptoKeys/NAME`. Default: the bucket's own."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.*'()]"

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, GoogleAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type "
                "google_cloud_platform",
                next_step="name a connection of type google_cloud_platform",
            )
        if (hmac := access.hmac) is not None:
            if self.kms_key:
                raise DefinitionError(
                    f"connection {name}: `kms_key` needs a service account, and the Airflow connection "
                    f"{self.airflow_conn_id} has an HMAC key",
                    next_step="give it a key file, or make this key the bucket's default in Google Cloud",
                )
            keys = AwsAccess(
                keys=lambda: hmac, region=GOOGLE_REGION, endpoint_url=access.endpoint_url or ENDPOINT, path_style=True
            )
            return open_bucket(self, keys, self.bucket, GoogleBucket, name=name, threads=threads, scheme="gs")
        return self._by_token(access, name, threads)

    def _by_token(self, access: GoogleAccess, name: str, threads: int) -> ObjectStore:
        endpoint = access.endpoint_url or ENDPOINT
        client = s3_client(
            Renewed(access.token) if access.token else None,
            GOOGLE_REGION,
            endpoint,
            bearer=True,
            path_style=True,
            waits=self.waits(threads),
        )
        origin = Origin(name, self.airflow_conn_id, f"bucket {self.bucket}", endpoint)
        store = GoogleBucketByToken(client, self.bucket, self.kms_key)
        return ObjectStore(store, self, origin, threads=threads, address=f"gs://{self.bucket}")
