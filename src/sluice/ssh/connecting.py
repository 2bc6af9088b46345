"""How a connection comes about: what it may use, and why it did not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sluice.errors import SluiceError
from sluice.model.access import SftpAccess
from sluice.model.origin import Origin
from sluice.ssh.algorithms import Algorithms, mismatch, offered_by, ours, signatures
from sluice.ssh.failures import lost, of_ssh
from sluice.ssh.login import private_key
from sluice.ssh.trust import Trusted, scan, trusted

if TYPE_CHECKING:
    import asyncssh

_ACT = "connect"

REQUEST = 256 << 10
"""Bytes that one request reads or writes at most, whatever more a server would take: asyncssh has at least 16 of them
under way for one read, and so at most 4 MiB."""


class Connecting:
    """Opens connections to one server for one login."""

    def __init__(self, access: SftpAccess, origin: Origin, crowded: Callable[[], str]) -> None:
        self._access, self._origin, self._crowded = access, origin, crowded
        self._conn = f"the Airflow connection {origin.airflow_conn_id}"

    async def once(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        """One try. Raises `RetriableError`, `FatalError`, or `DefinitionError` if a key cannot be read."""
        import asyncssh

        trust, made = trusted(self._access, self._origin), list[asyncssh.SSHClientConnection]()
        options = self._options(trust)
        try:
            connection = await asyncssh.connect(client_factory=_noting(made), **options)
            _send_data_alone(connection)
            client = await connection.start_sftp_client(path_errors="surrogateescape")
            client.limits.max_read_len = min(client.limits.max_read_len, REQUEST)
            client.limits.max_write_len = min(client.limits.max_write_len, REQUEST)
            return connection, client
        except (OSError, EOFError, asyncssh.Error) as error:
            if made:
                made[-1].abort()
            raise await self._refused(error, trust, made[-1] if made else None) from error

    @cached_property
    def _key(self) -> Any:
        return private_key(self._access, self._origin)

    def _ours(self, trust: Trusted) -> Algorithms:
        return ours(trust.signatures, legacy=self._access.legacy_algorithms)

    def _options(self, trust: Trusted) -> dict[str, Any]:
        """Neither the user's SSH configuration nor an agent has a say: a task runs the same wherever it runs."""
        access = self._access
        return {
            "host": access.host,
            "port": access.port,
            "username": access.username,
            "password": access.password,
            "client_keys": [self._key] if self._key else None,
            "known_hosts": trust.option,
            **self._ours(trust).options(),
            "signature_algs": signatures(legacy=access.legacy_algorithms),
            "compression_algs": ["none"],
            "config": None,
            "agent_path": None,
            "connect_timeout": 10,
            "login_timeout": 30,
            "keepalive_interval": 15,
            "keepalive_count_max": 4,
        }

    async def _refused(
        self, error: Exception, trust: Trusted, made: asyncssh.SSHClientConnection | None
    ) -> SluiceError:
        import asyncssh

        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            peer = made.get_extra_info("peername") if made else None
            return self._changed() if trust.known(peer[0] if peer else "") else self._none_known()
        if isinstance(error, asyncssh.PermissionDenied):
            return of_ssh(error, self._origin, _ACT, self._old_signature())
        before_login = made is not None and made.get_extra_info("send_cipher") is None
        if before_login and (refusal := await self._nothing_in_common(trust)):
            return refusal
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return self._origin.fatal(f"cannot {_ACT}: {self._origin.server} and we have no algorithm in common")
        if isinstance(error, asyncssh.DisconnectError | ConnectionResetError):
            return lost(self._origin, _ACT, self._crowded())
        return of_ssh(error, self._origin, _ACT)

    def _none_known(self) -> SluiceError:
        return self._origin.fatal(
            f"cannot {_ACT}: no host key is known for {self._origin.server}",
            f"put what `{scan(self._access)}` prints into the extra `host_key` of {self._conn}, once its owner has"
            " confirmed it",
        )

    def _changed(self) -> SluiceError:
        return self._origin.fatal(
            f"cannot {_ACT}: {self._origin.server} does not show the host key that is known for it",
            "ask its owner whether the key has changed; if so, put the new one into the extra `host_key` of"
            f" {self._conn}; if not, somebody may be standing between",
        )

    async def _nothing_in_common(self, trust: Trusted) -> SluiceError | None:
        """Why it ended while keys were exchanged, if that is for what both offer."""
        theirs, mine = await offered_by(self._access.host, self._access.port), self._ours(trust)
        if theirs is None or (found := mismatch(mine, theirs)) is None:
            return None
        server, offered = self._origin.server, ", ".join(found.offered)
        if mismatch(ours(trust.signatures, legacy=True), theirs) is None:
            return self._origin.fatal(
                f"cannot {_ACT}: all that {server} offers as {found.kind} rests on SHA-1 or is as old: {offered}",
                f"ask its owner for newer algorithms; until then the extra `legacy_algorithms: true` of {self._conn}"
                " allows SHA-1, with a warning at each run",
            )
        if found.kind == "host key" and self._access.check_host_key:
            return self._changed()
        return self._origin.fatal(
            f"cannot {_ACT}: {server} and we have no {found.kind} in common: it offers {offered}",
            f"ask its owner for one of {', '.join(found.wanted)}",
        )

    def _old_signature(self) -> str:
        """What to try if a key of RSA was refused: an old server takes its signatures by SHA-1 alone."""
        if self._key is None or self._access.legacy_algorithms or self._key.get_algorithm() != "ssh-rsa":
            return ""
        return (
            f"correct the login or key in {self._conn}; a server too old for RSA signatures by SHA-2 takes an Ed25519"
            " key, or the extra `legacy_algorithms: true`"
        )


def _noting(made: list[asyncssh.SSHClientConnection]) -> Any:
    """A client that notes its connection, also one that never opened."""
    import asyncssh

    class Noting(asyncssh.SSHClient):
        def connection_made(self, connection: asyncssh.SSHClientConnection) -> None:
            made.append(connection)

    return Noting


_MSG_IGNORE = 2


def _send_data_alone(connection: asyncssh.SSHClientConnection) -> None:
    """asyncssh sends an empty packet before every other one, which protects ciphers in CBC mode. Ours have none of
    them, and without these a gigabyte costs a quarter less of our processor time, and less of the server's."""
    send = connection.send_packet

    def send_packet(kind: int, *arguments: bytes, **options: Any) -> None:
        if kind != _MSG_IGNORE:
            send(kind, *arguments, **options)

    connection.send_packet = send_packet  # type: ignore[method-assign, assignment]
