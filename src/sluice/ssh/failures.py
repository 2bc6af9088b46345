"""What a failure of SSH or SFTP means to the reader. It is classified by class and status code, never by its text,
which may hold the names of files."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sluice.errors import SluiceError
from sluice.model.origin import Origin

if TYPE_CHECKING:
    import asyncssh

NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = 2, 3, 4, 6, 7, 8
NO_SUCH_PATH, WRITE_PROTECT, NO_SPACE, QUOTA, NOT_A_DIRECTORY = 10, 12, 14, 15, 19
"""SFTP status codes: those up to 8 are of version 3, which servers speak; the others are of later versions."""

MISSING = (NO_SUCH_FILE, NO_SUCH_PATH)
LOST = (NO_CONNECTION, CONNECTION_LOST)
_FULL = "no space left on device"
"""The text that some servers send with `FAILURE`. It must match as a whole, so that no file name is mistaken for it."""


def of_ssh(error: Exception, origin: Origin, act: str, way_out: str = "") -> SluiceError:
    """The error for a failure of SSH or of the SFTP session; `way_out` is what to do if the server refuses the
    request."""
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
    """The error for a lost connection."""
    return origin.retriable(f"cannot {act}: the connection to {origin.server} was lost", next_step)


def _of_channel(error: asyncssh.ChannelOpenError, origin: Origin, act: str) -> SluiceError:
    from asyncssh.constants import OPEN_RESOURCE_SHORTAGE

    if error.code == OPEN_RESOURCE_SHORTAGE:
        return origin.retriable(f"cannot {act}: {origin.server} accepts no further session")
    return origin.fatal(
        f"cannot {act}: {origin.server} accepts the login but opens no SFTP session",
        f"ask its owner to enable SFTP for the login of the Airflow connection {origin.airflow_conn_id}",
    )


def _of_sftp(error: asyncssh.SFTPError, origin: Origin, act: str, way_out: str) -> SluiceError:
    if error.code in (PERMISSION_DENIED, WRITE_PROTECT):
        return origin.fatal(
            f"cannot {act}: permission denied",
            way_out or f"grant the login of the Airflow connection {origin.airflow_conn_id} this permission",
        )
    if error.code in MISSING:
        return origin.fatal(
            f"cannot {act}: there is no such file or folder", "create the folder, or allow `make_folders`"
        )
    if error.code == NOT_A_DIRECTORY:
        return origin.fatal(
            f"cannot {act}: there is a file where a folder is needed", "remove that file, or declare another folder"
        )
    if error.code == UNSUPPORTED:
        return origin.fatal(f"cannot {act}: the server does not support this", way_out)
    if error.code in (NO_SPACE, QUOTA) or error.reason.strip().lower() == _FULL:
        return origin.retriable(f"cannot {act}: the disk is full", "free space at the destination")
    if error.code in LOST:
        return lost(origin, act)
    check = (
        f"check the disk and the log of {origin.server}: some servers give no other answer if a disk or quota is full"
    )
    return origin.retriable(
        f"cannot {act}: the server answered `{error.reason}`", f"{way_out}; otherwise {check}" if way_out else check
    )
