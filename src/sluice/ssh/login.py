"""The login's private key, and warnings about a connection's unsafe settings."""

from __future__ import annotations

from typing import Any

from sluice.errors import DefinitionError
from sluice.model.access import SftpAccess
from sluice.model.origin import Origin


def private_key(access: SftpAccess, origin: Origin) -> Any:
    """The key, or None if the login has none. Raises `DefinitionError` with the reason if it cannot be read."""
    import asyncssh

    if not access.private_key:
        return None
    try:
        return asyncssh.import_private_key(access.private_key.strip() + "\n", access.passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        wrong_word = isinstance(error, asyncssh.KeyEncryptionError)
        why, next_step = _unreadable(access.private_key, access.passphrase, wrong_word=wrong_word)
        raise DefinitionError(
            f"connection {origin.connection}: the private key cannot be read: {why}",
            next_step=next_step.format(conn=f"the Airflow connection {origin.airflow_conn_id}"),
        ) from None


def _unreadable(text: str, passphrase: str | None, *, wrong_word: bool) -> tuple[str, str]:
    lines = text.strip().splitlines()
    if text.lstrip().startswith("PuTTY"):
        return "it is in PuTTY's format", "export it from PuTTYgen as an OpenSSH key, and put that into {conn}"
    if "-----BEGIN" in text and len(lines) < 3:
        return (
            "its line breaks are missing",
            "enter the key in {conn} again with its line breaks, as `\\n` if the extra is written as JSON",
        )
    if wrong_word or (passphrase is None and "ENCRYPTED" in lines[0]):
        return "its passphrase is missing or wrong", "correct the extra `private_key_passphrase` of {conn}"
    return (
        "it is damaged, or its passphrase is missing",
        "correct the private key or the extra `private_key_passphrase` of {conn}; keys must be"
        " in OpenSSH or PEM format",
    )


def given_up(access: SftpAccess, conn_id: str) -> list[str]:
    """The unsafe settings of this connection, each with what to do about it."""
    found = []
    if not access.check_host_key:
        found.append(
            f"the Airflow connection {conn_id} does not check the server's host key (`no_host_key_check`): anyone"
            " on the network path can read and change everything; put the server's key into its extra `host_key`"
        )
    if access.legacy_algorithms:
        found.append(
            f"the Airflow connection {conn_id} allows SHA-1 (`legacy_algorithms`), whose signatures can be forged: ask"
            " the server's owner for newer algorithms, and remove the extra"
        )
    return found
