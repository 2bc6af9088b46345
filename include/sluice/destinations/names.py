"""Names of files at a destination: relative, with `/` between folders, never above the connection's folder."""

from __future__ import annotations

from sluice.destinations.failures import Origin


def below(folder: str, name: str, origin: Origin) -> str:
    """`name` below `folder`, as one path without a leading slash. Raises `FatalError` for a name that could leave the
    folder or that means different files to different servers."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise origin.fatal(
            f"{name!r} is not a file name below its folder",
            "write folders between single slashes, without `.`, `..` or a slash at either end",
        )
    return join(folder, name)


def join(folder: str, name: str) -> str:
    """`name` below `folder`; either may be empty."""
    return "/".join(filter(None, (folder.strip("/"), name.strip("/"))))
