"""Where a bucket of S3's is asked for, and that nothing of the environment has a say in it."""

from __future__ import annotations

import pytest

from sluice.destinations.s3 import S3
from sluice.model.access import Access, AwsAccess, AwsKeys


class Only:
    def __init__(self, **access: object) -> None:
        self._access = AwsAccess(lambda: AwsKeys("key", "secret"), "eu-west-1", **access)  # type: ignore[arg-type]

    def get(self, conn_id: str) -> Access:
        return self._access


def asked_at(bucket: str, **access: object) -> str:
    """The address of an object."""
    config = S3(type="s3", airflow_conn_id="x", bucket=bucket)
    at = config.open(Only(**access), name="acme", threads=1)
    client = at._store.client  # type: ignore[attr-defined]
    at.close()
    return str(client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}).partition("?")[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bucket", "access", "address"),
    [
        ("acme-drop", {}, "https://acme-drop.s3.eu-west-1.amazonaws.com/k"),
        ("acme.drop", {}, "https://s3.eu-west-1.amazonaws.com/acme.drop/k"),
        ("acme-drop", {"path_style": True}, "https://s3.eu-west-1.amazonaws.com/acme-drop/k"),
        ("acme-drop", {"endpoint_url": "https://store.example"}, "https://acme-drop.store.example/k"),
        ("acme.drop", {"endpoint_url": "https://store.example"}, "https://store.example/acme.drop/k"),
        ("acme-drop", {"endpoint_url": "http://127.0.0.1:9", "path_style": True}, "http://127.0.0.1:9/acme-drop/k"),
    ],
)
def test_a_bucket_with_dots_is_addressed_by_path(
    bucket: str, access: dict[str, object], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://somebody.example")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert asked_at(bucket, **access) == address
