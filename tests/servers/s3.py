"""Two servers that speak S3: ministack (temporary keys, roles, checksums) and rclone (signatures truly verified)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.servers.process import free_port, program, running

KEY, SECRET, BUCKET = "testkey1", "testsecret", "inbound"


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """An S3, STS and IAM emulator; gives its address. It checks that a key is known, not that a header is signed."""
    port = free_port()
    env = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "SERVICES": "s3,sts,iam",
        "TMPDIR": str(folder),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    server = Path(__file__).with_name("ministack_server.py")
    with running([program("python"), str(server)], port, folder / "ministack.log", env):
        address = f"http://127.0.0.1:{port}"
        client(address).create_bucket(Bucket=BUCKET)
        yield address


@contextmanager
def rclone(folder: Path, *, certificate: Path | None = None) -> Iterator[str]:
    """rclone serving a folder as S3: it streams to disk and verifies every signature. With a PEM file that holds a
    certificate and its key it speaks TLS. Gives its address."""
    port = free_port()
    (folder / "rclone" / BUCKET).mkdir(parents=True)
    command = [program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    tls = ["--cert", str(certificate), "--key", str(certificate)] if certificate else []
    with running([*command, *tls, "--config", "/dev/null", str(folder / "rclone")], port, folder / "rclone.log"):
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"


def certificate(folder: Path) -> Path:
    """A certificate for this machine's loopback that nobody has signed but itself, with its key: a PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "storage")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    return path


def client(address: str) -> Any:
    """The vendor's own client, for what a test arranges or inspects behind Sluice's back."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1")
    settings = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    return session.client("s3", endpoint_url=address, config=settings)


@dataclass(frozen=True)
class Bucket:
    """What lies in a bucket, seen behind Sluice's back."""

    name: str
    client: Any

    def names(self) -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())


@contextmanager
def bucket(address: str, name: str) -> Iterator[Bucket]:
    """A bucket that goes when the block ends."""
    made = Bucket(name, client(address))
    made.client.create_bucket(Bucket=name)
    yield made
    for key in made.names():
        made.client.delete_object(Bucket=name, Key=key)
    made.client.delete_bucket(Bucket=name)


def connection(address: str, *, key: str = KEY, secret: str = SECRET, **extra: Any) -> str:
    """The Airflow connection to it, as JSON."""
    services = {name: {"endpoint_url": address} for name in ("s3", "sts")}
    settings = {
        "region_name": "us-east-1",
        "service_config": services,
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    return json.dumps({"conn_type": "aws", "login": key, "password": secret, "extra": settings | extra})


def make_role(address: str, name: str, policy: dict[str, Any]) -> str:
    """A role that anybody may assume, with one policy; its ARN."""
    import boto3

    session = boto3.session.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1")
    iam = session.client("iam", endpoint_url=address)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    statement = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_role_policy(RoleName=name, PolicyName="one", PolicyDocument=statement)
    return arn
