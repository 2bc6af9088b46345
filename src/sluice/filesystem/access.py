"""Opens a `pyarrow` filesystem for each kind of access."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from sluice.errors import DefinitionError, FatalError
from sluice.filesystem.again import asked_again
from sluice.filesystem.clients import Renewed, s3_client
from sluice.filesystem.creating import Create, impossible, in_folder, on_azure, on_google, on_s3, over_sftp
from sluice.filesystem.failures import busy
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
from sluice.patience import patience, patiently

if TYPE_CHECKING:
    from pyarrow import fs as pa_fs


Result = TypeVar("Result")

_FIRST_WAIT = datetime.timedelta(milliseconds=25)
"""Of Amazon's client for C++; each wait is twice the one before."""


class Opening(NamedTuple):
    """An opened filesystem, the folder that its paths start from, and when its credentials expire (UNIX seconds)."""

    filesystem: pa_fs.FileSystem
    base: str = ""
    expires_at: float | None = None
    delete: Callable[[str], None] | None = None
    """Removes one file. Set if the filesystem's own deletion has side effects."""
    create: Create = impossible("this kind of connection")
    """Creates a file only if it does not exist."""
    greet: Callable[[str, str], None] = lambda _bucket, _conn_id: None
    """Checks that the bucket's server does not redirect. Set for clients that would follow a redirect."""
    links: Links | None = None
    """How links are followed. None for a store without links."""


def open_access(access: Access, conn_id: str) -> Opening:
    """Open the connection's filesystem. Raises `DefinitionError` if the connection has none."""
    if isinstance(access, SftpAccess):
        return _sftp(access, conn_id)
    opener = _OPENERS.get(type(access))
    if opener is None:
        raise DefinitionError(
            f"connection {conn_id} holds no files",
            known=["fs", "aws", "google_cloud_platform", "wasb", "adls", "sftp"],
            next_step="use a connection to a filesystem or an object store",
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
        # The newer default checksums are sent in chunked bodies, to which servers other than Amazon's answer 411.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED")
        address = urlsplit(endpoint_url)
        # With an override, pyarrow always puts the bucket into the path. All such servers accept that.
        options = {"endpoint_override": address.netloc, "scheme": address.scheme}
    if verify is False:
        raise DefinitionError(
            "this connection turns off the check of the server's TLS certificate, which reading does not support",
            next_step="set `verify` to the file of your certificate authority instead",
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
        retry_strategy=pa_fs.AwsDefaultS3RetryStrategy(max_attempts=_repeats()),
        **options,
    )
    client = _S3Client(keys, region, endpoint_url, verify)
    return Opening(
        filesystem, expires_at=keys.expires_at, delete=client.delete, create=client.create, greet=client.greet
    )


def _repeats() -> int:
    """How often Amazon's client must repeat a request to have waited as long as patience lasts. It counts requests, not
    seconds. Its other strategy takes the repeats of all threads from one small budget."""
    return math.ceil(math.log2(patience() / _FIRST_WAIT + 1))


@dataclass
class _S3Client:
    """boto3, for what pyarrow's filesystem lacks: it cannot create an object conditionally, and its deletion leaves an
    empty object with the name of the folder."""

    keys: AwsKeys
    region: str
    endpoint_url: str | None
    verify: bool | str
    patience: datetime.timedelta = field(default_factory=patience)

    def greet(self, bucket: str, conn_id: str) -> None:
        """Raise `FatalError` if the bucket's server redirects. pyarrow's client would follow, and accept another
        server's data as the bucket's. Checked once per process."""
        key = (self.endpoint_url, self.region, bucket)
        if key in _GREETED:
            return
        try:
            self._ask(lambda: self._client.head_bucket(Bucket=bucket))
        except self._client.exceptions.ClientError as refused:
            if busy(refused):
                raise  # it has not said whether it redirects
            answer = refused.response["ResponseMetadata"]
            if 300 <= answer["HTTPStatusCode"] < 400:
                raise _redirected(f"connection {conn_id}: ", bucket, self, answer.get("HTTPHeaders", {})) from None
        _GREETED.add(key)

    def create(self, path: str, body: bytes) -> bool:
        return self._ask(lambda: on_s3(self._client)(path, body))

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        with suppress(self._client.exceptions.NoSuchKey):  # Google reports a missing object, Amazon does not
            self._ask(lambda: self._client.delete_object(Bucket=bucket, Key=key))

    def _ask(self, act: Callable[[], Result]) -> Result:
        return patiently(act, busy, self.patience)

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


def _redirected(prefix: str, bucket: str, client: _S3Client, headers: Mapping[str, str]) -> FatalError:
    if region := headers.get("x-amz-bucket-region"):
        return FatalError(
            f"{prefix}bucket {bucket} is in the region {region}",
            next_step=f"set the connection's extra `region_name` to `{region}`",
        )
    own = urlsplit(client.endpoint_url or f"https://s3.{client.region}.amazonaws.com").netloc.rpartition("@")[2]
    other = urlsplit(headers.get("location", "")).netloc or "another address"
    return FatalError(
        f"{prefix}{own} redirects to {other} for bucket {bucket}, and redirects are not followed",
        next_step="if that is the right address, set it in the Airflow connection",
    )


def _google(access: GoogleAccess) -> Opening:
    from pyarrow import fs as pa_fs

    if access.hmac:
        opened = _s3(access.hmac, "auto", access.endpoint_url or "https://storage.googleapis.com", verify=True)
        return opened._replace(create=impossible("Cloud Storage by HMAC keys"))
    options: dict[str, Any] = {"project_id": access.project, "retry_time_limit": patience()}
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
    create, lasting = on_azure(access), patience()
    return Opening(
        asked_again(pa_fs.AzureFileSystem(access.account, **options)),
        create=lambda path, body: patiently(lambda: create(path, body), busy, lasting),
    )


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
