"""Our own small Cloud Storage server, with a service account of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.filesystem.clients import Renewed, s3_client
from sluice.model.access import Access, GoogleAccess
from tests.servers.gcs_auth import HMAC_ID, HMAC_SECRET
from tests.servers.process import free_port, module, program, running

BUCKET = "inbound"


@dataclass(frozen=True)
class CloudStorage:
    address: str
    private_key: str

    def connection(self, *, private_key: str = "", files: str = "") -> str:
        """The Airflow connection by service account, as JSON. The files may lie at another address than the tokens."""
        account = {
            "type": "service_account",
            "client_email": "exports@test-project.iam.gserviceaccount.com",
            "private_key": private_key or self.private_key,
            "private_key_id": "1",
            "token_uri": f"{self.address}/token",
            "project_id": "test-project",
        }
        extra = {"keyfile_dict": json.dumps(account), "project": "test-project", "api_endpoint": files or self.address}
        return json.dumps({"conn_type": "google_cloud_platform", "extra": extra})

    def by_hmac(self, secret: str = HMAC_SECRET) -> str:
        """The Airflow connection by HMAC key, as JSON."""
        extra = {"hmac_access_id": HMAC_ID, "hmac_secret": secret, "api_endpoint": self.address}
        return json.dumps({"conn_type": "google_cloud_platform", "extra": extra})


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Somebody else's emulator of Google's JSON API, by which pyarrow reads and writes. It asks nobody who they are.
    Gives its address."""
    port = free_port()
    command = [program("gcp-storage-emulator"), "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory"]
    with running([*command, "--default-bucket", BUCKET], port, folder / "emulator.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def cloud_storage(folder: Path, *, token_life: float = 3600) -> Iterator[CloudStorage]:
    """Tokens are refused `token_life` seconds after they were given, whatever they were promised to last."""
    port = free_port()
    private, public = key_pair()
    (folder / "gcs.pem").write_text(public)
    command = module("gcs_server", str(port), str(folder / "gcs"), BUCKET, str(folder / "gcs.pem"), str(token_life))
    with running(command, port, folder / "gcs.log"):
        yield CloudStorage(f"http://127.0.0.1:{port}", private)


def client(server: CloudStorage, access: Access) -> Any:
    """A client of the XML API, for what a test inspects behind Sluice's back."""
    assert isinstance(access, GoogleAccess)
    assert access.token is not None
    return s3_client(Renewed(access.token), "auto", server.address, bearer=True, path_style=True)


def key_pair() -> tuple[str, str]:
    """A new RSA key: private and public, as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
