"""The host keys that a server may have: those in `host_key`, otherwise those in a `known_hosts` file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError
from sluice.model.access import SftpAccess
from sluice.model.origin import Origin
from sluice.ssh.algorithms import every_host_key

if TYPE_CHECKING:
    import asyncssh

_SSH_PORT = 22
_KEY = "AAAA"
"""The start of every public key in base64: its first field is shorter than 256 bytes."""


@dataclass(frozen=True)
class Trusted:
    """`option` is what asyncssh checks a server's key against; `signatures` are the algorithms of the known keys."""

    option: Any
    signatures: tuple[str, ...]
    known: Callable[[str], bool]
    """Whether any key is known for the server at this address."""


def trusted(access: SftpAccess, origin: Origin) -> Trusted:
    """The trusted keys of a server. Raises `DefinitionError` if `host_key` or `known_hosts` cannot be read."""
    if not access.check_host_key:
        return Trusted(None, every_host_key(), lambda _: True)
    if access.host_key is not None:
        keys = _declared(access.host_key, access, origin)
        return Trusted((keys, [], []), _signatures(keys), lambda _: True)
    return _of_file(access, _known_hosts(access, origin))


def scan(access: SftpAccess) -> str:
    """The command that prints a server's host keys."""
    return f"ssh-keyscan -p {access.port} {access.host}"


def _declared(text: str, access: SftpAccess, origin: Origin) -> list[asyncssh.SSHKey]:
    """Every key in the text: lines as `ssh-keyscan` prints them, the line of a `.pub` file, or the key alone. Each key
    names its own type."""
    import asyncssh

    blobs = [word for word in text.split() if word.startswith(_KEY)]
    try:
        keys = [asyncssh.import_public_key(f"{_kind(blob)} {blob}") for blob in blobs]
    except (asyncssh.KeyImportError, ValueError):
        keys = []
    if not keys:
        raise DefinitionError(
            f"connection {origin.connection}: the host key cannot be read",
            next_step=f"write the extra `host_key` of the Airflow connection {origin.airflow_conn_id} as"
            f" `{scan(access)}` prints it: a key type, then the key",
        )
    return keys


def _kind(blob: str) -> str:
    from base64 import b64decode

    head = b64decode(blob[:64] + "=" * (-len(blob[:64]) % 4))
    return head[4 : 4 + int.from_bytes(head[:4])].decode("ascii")


def _known_hosts(access: SftpAccess, origin: Origin) -> asyncssh.SSHKnownHosts:
    """The declared file. Default: the user's own, which may be missing."""
    import asyncssh

    path = Path(access.known_hosts or "~/.ssh/known_hosts").expanduser()
    if access.known_hosts is None and not path.is_file():
        return asyncssh.import_known_hosts("")
    try:
        return asyncssh.read_known_hosts(str(path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not in OpenSSH's format"
        raise DefinitionError(
            f"connection {origin.connection}: its `known_hosts` {path} cannot be read: {why}",
            next_step=f"correct the extra `known_hosts` of the Airflow connection {origin.airflow_conn_id}, or put what"
            f" `{scan(access)}` prints into its extra `host_key`",
        ) from None


def _of_file(access: SftpAccess, hosts: asyncssh.SSHKnownHosts) -> Trusted:
    import asyncssh

    port = None if access.port == _SSH_PORT else access.port

    def found(address: str) -> Any:
        return asyncssh.match_known_hosts(hosts, access.host, address, port)

    keys, authorities = found("")[:2]
    signatures = every_host_key() if authorities or not keys else _signatures(keys)
    return Trusted(hosts, signatures, lambda address: any(found(address)[:2]))


def _signatures(keys: list[asyncssh.SSHKey]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_of_keys(keys)))


def _of_keys(keys: list[asyncssh.SSHKey]) -> Iterator[str]:
    for key in keys:
        yield from (name.decode("ascii") for name in key.sig_algorithms)
