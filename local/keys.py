"""The secrets of a local Airflow: its keys and the administrator's password, generated once per home."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

ADMIN = "admin"


@dataclass(frozen=True)
class Keys:
    """Shared by all processes of one Airflow. If they are lost, the encrypted connections must be written again."""

    fernet: str
    """Encrypts connections and variables in the database."""
    jwt: str
    """Signs the tokens of users and of tasks."""
    session: str
    """Signs cookies."""
    password: str
    """The administrator's password."""


def keys(airflow_home: Path) -> Keys:
    """The keys of this home, generated if there are none."""
    file = airflow_home / "keys.json"
    if file.exists():
        return Keys(**json.loads(file.read_text()))
    made = Keys(
        fernet=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt=secrets.token_urlsafe(64),
        session=secrets.token_urlsafe(32),
        password=secrets.token_urlsafe(9),
    )
    write_private(file, json.dumps(asdict(made)))
    return made


def passwords_file(airflow_home: Path) -> Path:
    """The file of passwords in the format of Airflow's simple auth manager."""
    file = airflow_home / "passwords.json"
    if not file.exists():
        write_private(file, json.dumps({ADMIN: keys(airflow_home).password}))
    return file


def write_private(file: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
        handle.write(text)
    unfinished.rename(file)
