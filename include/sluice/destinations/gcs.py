"""Google Cloud Storage, by its XML API: the one of its APIs with parallel uploads of unknown length."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from sluice.destinations.base import Destination
from sluice.destinations.failures import Origin
from sluice.destinations.objects import Credentials, ObjectStore, ObjectStoreConfig
from sluice.destinations.s3 import GOOGLE_REGION, open_bucket
from sluice.destinations.uploads import Uploads, bearing_client
from sluice.errors import DefinitionError
from sluice.model.access import AwsAccess, Connections, GoogleAccess

if TYPE_CHECKING:
    from obstore.store import GCSCredential, GCSStore

ENDPOINT = "https://storage.googleapis.com"

_KMS_KEY = r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$"
_NOBODY = '{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}'


class Gcs(ObjectStoreConfig):
    """A Cloud Storage bucket, by service account or HMAC key: an Airflow connection of type `google_cloud_platform`."""

    type: Literal["gcs"]
    bucket: str
    """The bucket's name."""
    kms_key: str | None = Field(
        default=None, pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$"
    )
    """The Cloud KMS key that encrypts every file, `projects/.../cryptoKeys/NAME`; the bucket's own unless given."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.*'()]"

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, GoogleAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not one of Google Cloud's",
                next_step="name a connection of type google_cloud_platform",
            )
        if access.hmac is not None:
            if self.kms_key:
                raise DefinitionError(
                    f"connection {name}: `kms_key` needs a service account, and the Airflow connection "
                    f"{self.airflow_conn_id} has an HMAC key",
                    next_step="put a key file into it, or make the key the bucket's default in Google Cloud",
                )
            return open_bucket(self, _interoperable(access), self.bucket, name=name, threads=threads, scheme="gs")
        return self._by_token(access, name, threads)

    def _by_token(self, access: GoogleAccess, name: str, threads: int) -> ObjectStore:
        endpoint = access.endpoint_url or ENDPOINT
        origin = Origin(name, self.airflow_conn_id, f"bucket {self.bucket}", endpoint)
        credentials = Credentials(lambda: _credential(access)) if access.token else None
        address = f"gs://{self.bucket}"

        def abort(keys: set[str]) -> int:
            client = bearing_client(endpoint, access.token() if access.token else None)
            return Uploads(client, self.bucket, origin, address).abort(keys)

        return ObjectStore(
            self._store(endpoint, credentials),
            self,
            origin,
            threads=threads,
            address=address,
            credentials=credentials,
            abort_uploads=abort,
            writer=self._store(endpoint, credentials, {"x-goog-encryption-kms-key-name": self.kms_key})
            if self.kms_key
            else None,
        )

    def _store(
        self, endpoint: str, credentials: Credentials | None, headers: Mapping[str, str] | None = None
    ) -> GCSStore:
        from obstore.store import GCSStore

        nobody = {"service_account_key": _NOBODY}  # without it the client asks the machine's metadata server
        who: dict[str, Any] = {"credential_provider": credentials} if credentials else nobody
        return GCSStore(
            self.bucket,
            base_url=endpoint,
            client_options=self.client(plain_http=endpoint.startswith("http:"), headers=headers),
            retry_config=self.retries(),
            **who,
        )


def _interoperable(access: GoogleAccess) -> AwsAccess:
    """HMAC keys speak to the same XML API with Amazon's signatures."""
    keys = access.hmac
    if keys is None:
        raise AssertionError("only a connection with HMAC keys comes here")
    return AwsAccess(
        keys=lambda: keys, region=GOOGLE_REGION, endpoint_url=access.endpoint_url or ENDPOINT, path_style=True
    )


def _credential(access: GoogleAccess) -> GCSCredential:
    if access.token is None:
        raise AssertionError("only a connection with tokens comes here")
    token = access.token()
    return {"token": token.token, "expires_at": datetime.fromtimestamp(token.expires_at, UTC)}
