"""What a failure of SSH or SFTP means to the reader: told by its class and its status code, never by its text, which
may hold the names of files."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sluice.errors import SluiceError
from sluice.model.origin import Origin

if TYPE_CHECKING:
    import asyncssh

NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = 2, 3, 4, 6, 7, 8
NO_SUCH_PATH, WRITE_PROTECT, NO_SPACE, QUOTA, NOT_A_DIRECTORY = 10, 12, 14, 15, 19
"""Status codes of SFTP: up to 8 those of version 3, which servers speak; the others are of later versions."""

MISSING = (NO_SUCH_FILE, NO_SUCH_PATH)
LOST = (NO_CONNECTION, CONNECTION_LOST)
_FULL = "no space left on device"
"""All that some servers say beside `FAILURE`: the whole text, so that no name can be taken for it."""


def of_ssh(error: Exception, origin: Origin, act: str, way_out: str = "") -> SluiceError:
    """The error for a failure below or of the SFTP session; `way_out` is what to do if the server refuses this act."""
    import asyncssh

    server = origin.server
    if isinstance(error, asyncssh.SFTPError):
        return _of_sftp(error, origin, act, way_out)
    if isinstance(error, asyncssh.PermissionDenied):
        conn = f"the Airflow connection {origin.airflow_conn_id}"
        return origin.fatal(
            f"cannot {act}: {server} refuses the login", way_out or f"correct the login, password or key in {conn}"
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return _of_channel(error, origin, act)
    if isinstance(error, socket.gaierror):
        return origin.retriable(f"cannot {act}: the host name of {server} is not found", origin.correct_address())
    if isinstance(error, ConnectionRefusedError):
        return origin.retriable(
            f"cannot {act}: nothing answers at {server}: connection refused", origin.correct_address()
        )
    if isinstance(error, TimeoutError):
        return origin.retriable(f"cannot {act}: {server} did not answer in time")
    return lost(origin, act, way_out)


def lost(origin: Origin, act: str, next_step: str = "") -> SluiceError:
    """The error for a connection that has ended."""
    return origin.retriable(f"cannot {act}: the connection to {origin.server} was lost", next_step)


def _of_channel(error: asyncssh.ChannelOpenError, origin: Origin, act: str) -> SluiceError:
    from asyncssh.constants import OPEN_RESOURCE_SHORTAGE

    if error.code == OPEN_RESOURCE_SHORTAGE:
        return origin.retriable(f"cannot {act}: {origin.server} has no room for another session")
    return origin.fatal(
        f"cannot {act}: {origin.server} takes the login and opens no SFTP session for it",
        f"let its owner turn on SFTP for the login of the Airflow connection {origin.airflow_conn_id}",
    )


def _of_sftp(error: asyncssh.SFTPError, origin: Origin, act: str, way_out: str) -> SluiceError:
    if error.code in (PERMISSION_DENIED, WRITE_PROTECT):
        return origin.fatal(
            f"cannot {act}: permission denied",
            way_out or f"give the login of the Airflow connection {origin.airflow_conn_id} the right to do so",
        )
    if error.code in MISSING:
        return origin.fatal(
            f"cannot {act}: there is no such file or folder", "create the folder, or allow `make_folders`"
        )
    if error.code == NOT_A_DIRECTORY:
        return origin.fatal(
            f"cannot {act}: a file stands where a folder must be", "remove that file, or declare another folder"
        )
    if error.code == UNSUPPORTED:
        return origin.fatal(f"cannot {act}: the server does not know how", way_out)
    if error.code in (NO_SPACE, QUOTA) or error.reason.strip().lower() == _FULL:
        return origin.retriable(f"cannot {act}: the disk is full", "make room at the destination")
    if error.code in LOST:
        return lost(origin, act)
    look = f"look at the disk and the log of {origin.server}: some servers say no more when a disk or a quota is full"
    return origin.retriable(
        f"cannot {act}: the server answered `{error.reason}`", f"{way_out}; else {look}" if way_out else look
    )
