"""Two servers that speak S3: ministack (temporary keys, roles, checksums) and rclone (signatures truly verified)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
    with running([program("ministack")], port, folder / "ministack.log", env):
        address = f"http://127.0.0.1:{port}"
        client(address).create_bucket(Bucket=BUCKET)
        yield address


@contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """rclone serving a folder as S3: it streams to disk and verifies every signature. Gives its address."""
    port = free_port()
    (folder / "rclone" / BUCKET).mkdir(parents=True)
    command = [program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    with running([*command, "--config", "/dev/null", str(folder / "rclone")], port, folder / "rclone.log"):
        yield f"http://127.0.0.1:{port}"


def client(address: str) -> Any:
    """The vendor's own client, for what a test arranges or inspects behind Sluice's back."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1")
    settings = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    return session.client("s3", endpoint_url=address, config=settings)


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
