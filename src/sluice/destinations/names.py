"""Names of files at a destination: relative, with `/` between folders, never outside the connection's folder.

If a server has no multipart upload, a file is written under a hidden name in the same folder and then renamed.
"""

from __future__ import annotations

import posixpath
import re
import secrets

from sluice.destinations.failures import Origin


def below(folder: str, name: str, origin: Origin) -> str:
    """`name` below `folder`, as one path without a leading slash. Raises `FatalError` for a name that could lead out of
    the folder or that means different files to different servers."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise origin.fatal(
            f"{name!r} is not a valid file name",
            "separate folders with single slashes, without `.`, `..` or a slash at either end",
        )
    return join(folder, name)


def folder_below(folder: str, name: str, origin: Origin) -> str:
    """A folder below `folder`; an empty `name` means `folder` itself. Raises `FatalError` as `below` does."""
    return below(folder, name.strip("/"), origin) if name.strip("/") else folder


def join(folder: str, name: str) -> str:
    """`name` below `folder`; either may be empty. A leading slash of `folder` is kept: it is the server's root."""
    return posixpath.join(folder, name) if name else folder


_UNFINISHED = re.compile(r"^\.(?P<final>.+)\.[0-9a-f]{8}\.partial$", re.DOTALL)


def unfinished(file_name: str) -> str:
    """A new hidden name for the unfinished `file_name`, 18 characters longer."""
    return f".{file_name}.{secrets.token_hex(4)}.partial"


def final(file_name: str) -> str | None:
    """The final name of an unfinished file; None for any other file."""
    match = _UNFINISHED.match(file_name)
    return match["final"] if match else None


def by_folder(names: list[str]) -> dict[str, set[str]]:
    """The file names of each folder, by folder."""
    folders: dict[str, set[str]] = {}
    for name in names:
        folder, _, file_name = name.rpartition("/")
        folders.setdefault(folder, set()).add(file_name)
    return folders
