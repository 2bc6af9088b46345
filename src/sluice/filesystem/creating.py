"""How a file is created only if it is absent: each kind of filesystem has its own way.

A commit log needs no more than this. Of several processes that create the same name, exactly one is answered True, and
a reader of the name sees the whole file or none. On disks and over SFTP no single call promises both: a hard link is
not to be had everywhere, and a file that was opened with O_EXCL is there before its content is. Renaming a folder is:
a rename never takes the place of a folder that holds a file. So there the file comes in a folder of its own.
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
from sluice.ssh import verbs
from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

Create = Callable[[str, bytes], bool]
"""Creates a file at a path with this content; False if the path was there already."""

NO_RENAME = "staging needs a server that can rename folders: put it elsewhere, or ask the server's owner"
"""What to do if an SFTP server refuses a rename."""
_THERE = {errno.EEXIST, errno.ENOTEMPTY}


def in_folder(path: str, body: bytes) -> bool:
    """On a disk, network mounts included."""
    folder = Path(path).parent
    ours = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    ours.mkdir(parents=True)
    (ours / Path(path).name).write_bytes(body)
    try:
        ours.rename(folder)
    except OSError as refused:
        if refused.errno not in _THERE:
            raise
        (ours / Path(path).name).unlink()
        ours.rmdir()
        return False
    return True


def over_sftp(session: Session) -> Create:
    """The same over SFTP. Its servers do not say why a rename failed: so the file is looked for."""

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
    await verbs.ask(client.remove(f"{ours}/{name}"))
    await verbs.ask(client.rmdir(ours))
    if await verbs.stat(client, path) is None:
        raise answer.error
    return False


def on_s3(client: Any) -> Create:
    """`If-None-Match: *`. S3 answers 409 while another such request is under way: then it is asked again."""

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
    """`ifGenerationMatch=0`, by bearer token or anonymously (emulators)."""

    def create(path: str, body: bytes) -> bool:
        from google.api_core.exceptions import PreconditionFailed
        from google.auth.credentials import AnonymousCredentials
        from google.auth.transport.requests import AuthorizedSession
        from google.cloud.storage import Client  # type: ignore[import-untyped]
        from google.oauth2.credentials import Credentials

        who = AnonymousCredentials() if access.token is None else Credentials(access.token().token)
        options = {"api_endpoint": access.endpoint_url} if access.endpoint_url else None
        session = AuthorizedSession(who)
        session.max_redirects = 0
        client = Client(project=access.project or "none", credentials=who, client_options=options, _http=session)
        bucket, _, name = path.partition("/")
        try:
            client.bucket(bucket).blob(name).upload_from_string(body, if_generation_match=0, timeout=60)
        except PreconditionFailed:
            return False
        finally:
            client.close()
        return True

    return create


def on_azure(access: AzureAccess) -> Create:
    """`If-None-Match: *`, by the Blob API, which Data Lake accounts answer to as well."""

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
    """A filesystem that promises nothing of the kind."""

    def create(path: str, body: bytes) -> bool:  # noqa: ARG001 - the signature of the others
        raise FatalError(
            f"{what} cannot create a file only if it is absent, and a run's commit log needs that",
            next_step="put staging on a disk, S3, Cloud Storage (by a service account), Azure or SFTP",
        )

    return create
