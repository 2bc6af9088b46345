"""Creates a file only if it does not exist. Each kind of filesystem has its own way.

The commit log depends on this alone. Of several processes that create the same name, exactly one gets True, and a
reader sees either the whole file or none. On disks and over SFTP, no single call on a file guarantees both: hard links
are not available everywhere, and a file opened with O_EXCL exists before its content does. Renaming a folder does: a
rename never replaces a folder that holds a file. So there, the file gets a folder of its own, which is renamed.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sluice.errors import FatalError
from sluice.filesystem.clients import container_client
from sluice.model.access import AzureAccess, GoogleAccess
from sluice.patience import patience
from sluice.ssh import verbs
from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

Create = Callable[[str, bytes], bool]
"""Creates a file at a path with this content. False if the path exists already."""

NO_RENAME = "staging needs a server that can rename folders: put it elsewhere, or ask the server's owner"
"""The next step if an SFTP server refuses a rename."""
_THERE = {errno.EEXIST, errno.ENOTEMPTY}


def in_folder(path: str, body: bytes) -> bool:
    """Create on a disk, including network mounts."""
    folder = Path(path).parent
    ours = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    ours.mkdir(parents=True)
    (ours / Path(path).name).write_bytes(body)
    try:
        ours.rename(folder)  # atomic, and refused if the folder holds a file
    except OSError as refused:
        if refused.errno not in _THERE:
            raise
        (ours / Path(path).name).unlink()
        ours.rmdir()
        return False
    return True


def over_sftp(session: Session) -> Create:
    """Create over SFTP. Servers do not say why a rename failed, so a failure is followed by a check for the file."""

    def create(path: str, body: bytes) -> bool:
        return session.run(lambda client: _in_folder_there(client, path, body), f"create {path}", NO_RENAME)

    return create


async def _in_folder_there(client: asyncssh.SFTPClient, path: str, body: bytes) -> bool:
    folder, name = posixpath.split(path)
    parent, last = posixpath.split(folder)
    ours = posixpath.join(parent, f".{last}.{uuid4().hex[:8]}")
    file = await verbs.create(client, f"{ours}/{name}", make_folders=True)
    await file.write(body)
    await file.close()
    answer = await verbs.ask(client.rename(ours, folder))
    if isinstance(answer, verbs.Answer):
        return True
    # Remove our own folder, then check whether another process has created the file.
    await verbs.ask(client.remove(f"{ours}/{name}"))
    await verbs.ask(client.rmdir(ours))
    if await verbs.stat(client, path) is None:
        raise answer.error
    return False


def on_s3(client: Any) -> Create:
    """Create on S3, by `If-None-Match: *`. S3 answers 409 while another conditional request is in progress; then the
    request is repeated."""

    def create(path: str, body: bytes) -> bool:
        bucket, _, key = path.partition("/")
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        while True:
            try:
                client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ContentMD5=digest)
            except client.exceptions.ClientError as refused:
                code = refused.response.get("Error", {}).get("Code", "")
                if code in ("PreconditionFailed", "412"):
                    return False
                if code != "ConditionalRequestConflict":
                    raise
            else:
                return True

    return create


def on_google(access: GoogleAccess) -> Create:
    """Create on Cloud Storage, by `ifGenerationMatch=0`, with a bearer token or anonymously (emulators)."""
    lasting = patience().total_seconds()

    def create(path: str, body: bytes) -> bool:
        from google.api_core.exceptions import PreconditionFailed
        from google.auth.credentials import AnonymousCredentials
        from google.auth.transport.requests import AuthorizedSession
        from google.cloud.storage import Client  # type: ignore[import-untyped]
        from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]
        from google.oauth2.credentials import Credentials

        who = AnonymousCredentials() if access.token is None else Credentials(access.token().token)
        options = {"api_endpoint": access.endpoint_url} if access.endpoint_url else None
        session = AuthorizedSession(who)
        session.max_redirects = 0
        client = Client(project=access.project or "none", credentials=who, client_options=options, _http=session)
        bucket, _, name = path.partition("/")
        retry = DEFAULT_RETRY.with_timeout(lasting)
        try:
            client.bucket(bucket).blob(name).upload_from_string(body, if_generation_match=0, timeout=60, retry=retry)
        except PreconditionFailed:
            return False
        finally:
            client.close()
        return True

    return create


def on_azure(access: AzureAccess) -> Create:
    """Create on Azure, by `If-None-Match: *` in the Blob API, which Data Lake accounts also serve."""

    def create(path: str, body: bytes) -> bool:
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        container, _, name = path.partition("/")
        with container_client(access, container) as client:
            try:
                client.upload_blob(name, body, overwrite=False, validate_content=True)
            except (ResourceExistsError, ResourceModifiedError):
                return False
        return True

    return create


def impossible(what: str) -> Create:
    """For a filesystem without conditional creation: every call raises `FatalError`."""

    def create(path: str, body: bytes) -> bool:  # noqa: ARG001 - the signature of the others
        raise FatalError(
            f"{what} cannot create a file only if it does not exist, which the commit log of runs needs",
            next_step="put staging on a disk, S3, Cloud Storage (by a service account), Azure or SFTP",
        )

    return create
