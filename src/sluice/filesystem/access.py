"""One `pyarrow` filesystem for each kind of access."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from sluice.errors import DefinitionError, FatalError
from sluice.filesystem.clients import Renewed, s3_client
from sluice.filesystem.creating import Create, impossible, in_folder, on_azure, on_google, on_s3, over_sftp
from sluice.filesystem.links import Links, LocalLinks
from sluice.model.access import (
    Access,
    AwsAccess,
    AwsKeys,
    AzureAccess,
    FolderAccess,
    FsspecAccess,
    GoogleAccess,
    SftpAccess,
)

if TYPE_CHECKING:
    from pyarrow import fs as pa_fs


class Opening(NamedTuple):
    """An opened filesystem, the folder that its names begin at, and when its credentials end (UNIX seconds)."""

    filesystem: pa_fs.FileSystem
    base: str = ""
    expires_at: float | None = None
    delete: Callable[[str], None] | None = None
    """Removes one file, where the filesystem's own way has side effects."""
    create: Create = impossible("this kind of connection")
    """Creates a file only if it is absent."""
    greet: Callable[[str, str], None] = lambda _bucket, _conn_id: None
    """Checks that a bucket's server does not redirect; for clients that would follow."""
    links: Links | None = None
    """How links are followed; None for a store that has none."""


def open_access(access: Access, conn_id: str) -> Opening:
    """Open what a connection holds. Raises `DefinitionError` where it holds no files."""
    if isinstance(access, SftpAccess):
        return _sftp(access, conn_id)
    opener = _OPENERS.get(type(access))
    if opener is None:
        raise DefinitionError(
            f"connection {conn_id} holds no files",
            known=["fs", "aws", "google_cloud_platform", "wasb", "adls", "sftp"],
            next_step="name a connection of a filesystem or an object store",
        )
    return opener(access)


def _folder(access: FolderAccess) -> Opening:
    from pyarrow import fs as pa_fs

    return Opening(pa_fs.LocalFileSystem(), str(access.path.absolute()), create=in_folder, links=LocalLinks())


def _aws(access: AwsAccess) -> Opening:
    return _s3(access.keys(), access.region, access.endpoint_url, access.verify)


def _s3(keys: AwsKeys, region: str, endpoint_url: str | None, verify: bool | str) -> Opening:  # noqa: FBT001
    from pyarrow import fs as pa_fs

    options: dict[str, Any] = {}
    if endpoint_url:
        # Servers other than Amazon's answer 411 to the chunked bodies that carry the newer default checksums.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED")
        address = urlsplit(endpoint_url)
        # pyarrow then puts the bucket into the path, whatever the connection says: every such server takes that.
        options = {"endpoint_override": address.netloc, "scheme": address.scheme}
    if verify is False:
        raise DefinitionError(
            "reading over TLS always checks the server's certificate, and this connection turns that off",
            next_step="give the file of your certificate authority as `verify` instead",
        )
    if isinstance(verify, str):
        options["tls_ca_file_path"] = verify
    filesystem = pa_fs.S3FileSystem(
        access_key=keys.access_key_id,
        secret_key=keys.secret_access_key,
        session_token=keys.token,
        region=region,
        connect_timeout=10,
        request_timeout=60,
        **options,
    )
    client = _S3Client(keys, region, endpoint_url, verify)
    return Opening(
        filesystem, expires_at=keys.expires_at, delete=client.delete, create=client.create, greet=client.greet
    )


@dataclass
class _S3Client:
    """Amazon's own client, for what pyarrow's filesystem lacks: it creates no object on a condition, and its deletion
    leaves an empty object named like the folder."""

    keys: AwsKeys
    region: str
    endpoint_url: str | None
    verify: bool | str

    def greet(self, bucket: str, conn_id: str) -> None:
        """Raises `FatalError` if the bucket's address sends us on: pyarrow's client would follow, and take what it
        finds there for the bucket's. Asked once a process."""
        asked = (self.endpoint_url, self.region, bucket)
        if asked in _GREETED:
            return
        try:
            self._client.head_bucket(Bucket=bucket)
        except self._client.exceptions.ClientError as refused:
            told = refused.response["ResponseMetadata"]
            if 300 <= told["HTTPStatusCode"] < 400:
                raise _sent_on(f"connection {conn_id}: ", bucket, self, told.get("HTTPHeaders", {})) from None
        _GREETED.add(asked)

    def create(self, path: str, body: bytes) -> bool:
        return on_s3(self._client)(path, body)

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        with suppress(self._client.exceptions.NoSuchKey):  # Google's answer where Amazon says that all is well
            self._client.delete_object(Bucket=bucket, Key=key)

    @cached_property
    def _client(self) -> Any:
        return s3_client(
            Renewed(lambda: self.keys),
            self.region,
            self.endpoint_url,
            path_style=bool(self.endpoint_url),
            verify=self.verify,
        )


_GREETED: set[tuple[str | None, str, str]] = set()


def _sent_on(whose: str, bucket: str, client: _S3Client, headers: Mapping[str, str]) -> FatalError:
    if region := headers.get("x-amz-bucket-region"):
        return FatalError(
            f"{whose}bucket {bucket} lies in the region {region}",
            next_step=f"put `{region}` into the extra `region_name`",
        )
    own = urlsplit(client.endpoint_url or f"https://s3.{client.region}.amazonaws.com").netloc.rpartition("@")[2]
    other = urlsplit(headers.get("location", "")).netloc or "another address"
    return FatalError(
        f"{whose}{own} sends us on to {other} for bucket {bucket}, and none is followed",
        next_step="if that is the right address, put it into the Airflow connection",
    )


def _google(access: GoogleAccess) -> Opening:
    from pyarrow import fs as pa_fs

    if access.hmac:
        opened = _s3(access.hmac, "auto", access.endpoint_url or "https://storage.googleapis.com", verify=True)
        return opened._replace(create=impossible("Cloud Storage by HMAC keys"))
    options: dict[str, Any] = {"project_id": access.project, "retry_time_limit": datetime.timedelta(seconds=30)}
    if access.endpoint_url:
        address = urlsplit(access.endpoint_url)
        options |= {"endpoint_override": address.netloc, "scheme": address.scheme}
    if access.token is None:
        return Opening(pa_fs.GcsFileSystem(anonymous=True, **options), create=on_google(access))
    token = access.token()
    expiry = datetime.datetime.fromtimestamp(token.expires_at, datetime.UTC)
    filesystem = pa_fs.GcsFileSystem(access_token=token.token, credential_token_expiration=expiry, **options)
    return Opening(filesystem, expires_at=token.expires_at, create=on_google(access))


def _azure(access: AzureAccess) -> Opening:
    from pyarrow import fs as pa_fs

    options: dict[str, Any] = {}
    if access.endpoint_url:
        address = urlsplit(access.endpoint_url)
        for service in ("blob", "dfs"):
            authority = address.netloc.replace(".blob.", f".{service}.").replace(".dfs.", f".{service}.")
            options |= {f"{service}_storage_authority": authority, f"{service}_storage_scheme": address.scheme}
    if access.key:
        options["account_key"] = access.key
    elif access.sas:
        options["sas_token"] = "?" + access.sas.lstrip("?")
    elif access.client_id:
        options |= {
            "tenant_id": access.tenant,
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        }
    return Opening(pa_fs.AzureFileSystem(access.account, **options), create=on_azure(access))


def _sftp(access: SftpAccess, conn_id: str) -> Opening:
    from sluice.filesystem.sftp import SftpLinks, session_of, sftp_filesystem

    session = session_of(access, conn_id)
    return Opening(sftp_filesystem(session), create=over_sftp(session), links=SftpLinks(session))


def _fsspec(access: FsspecAccess) -> Opening:
    from pyarrow import fs as pa_fs

    return Opening(pa_fs.PyFileSystem(pa_fs.FSSpecHandler(access.open())))


_OPENERS: dict[type, Callable[[Any], Opening]] = {
    FolderAccess: _folder,
    AwsAccess: _aws,
    GoogleAccess: _google,
    AzureAccess: _azure,
    FsspecAccess: _fsspec,
}
