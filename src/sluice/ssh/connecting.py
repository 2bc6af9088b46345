"""Opening a connection: the options that it uses, and the error if it fails."""

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
"""The most bytes that one request reads or writes, even if a server allows more. asyncssh keeps 16 requests or more in
progress for one read: at this size, they take at most 4 MiB."""


class Connecting:
    """Opens connections to one server with one login."""

    def __init__(self, access: SftpAccess, origin: Origin, crowded: Callable[[], str]) -> None:
        self._access, self._origin, self._crowded = access, origin, crowded
        self._conn = f"the Airflow connection {origin.airflow_conn_id}"

    async def once(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        """Make one attempt. Raises `RetriableError`, `FatalError`, or `DefinitionError` if a key cannot be read."""
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
        """The user's SSH configuration and agent are ignored, so that a task behaves the same on every machine."""
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
            return self._origin.fatal(
                f"cannot {_ACT}: {self._origin.server} and this client have no algorithm in common"
            )
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
            f"cannot {_ACT}: the host key of {self._origin.server} is not the one that is known for it",
            "ask its owner whether the key has changed; if so, put the new one into the extra `host_key` of"
            f" {self._conn}; if not, the connection may be intercepted",
        )

    async def _nothing_in_common(self, trust: Trusted) -> SluiceError | None:
        """The error for a failed key exchange, if the reason is that both sides have no algorithm in common."""
        theirs, mine = await offered_by(self._access.host, self._access.port), self._ours(trust)
        if theirs is None or (found := mismatch(mine, theirs)) is None:
            return None
        server, offered = self._origin.server, ", ".join(found.offered)
        if mismatch(ours(trust.signatures, legacy=True), theirs) is None:
            return self._origin.fatal(
                f"cannot {_ACT}: {server} offers only {found.kind} algorithms that use SHA-1 or are as old: {offered}",
                f"ask its owner for newer algorithms; until then the extra `legacy_algorithms: true` of {self._conn}"
                " allows SHA-1, with a warning in each run",
            )
        if found.kind == "host key" and self._access.check_host_key:
            return self._changed()
        return self._origin.fatal(
            f"cannot {_ACT}: {server} and this client have no {found.kind} algorithm in common: it offers {offered}",
            f"ask its owner to enable one of {', '.join(found.wanted)}",
        )

    def _old_signature(self) -> str:
        """What to try if an RSA key was refused: old servers accept its signatures only with SHA-1."""
        if self._key is None or self._access.legacy_algorithms or self._key.get_algorithm() != "ssh-rsa":
            return ""
        return (
            f"correct the login or key in {self._conn}; if the server is too old for RSA signatures with SHA-2, use an"
            " Ed25519 key, or the extra `legacy_algorithms: true`"
        )


def _noting(made: list[asyncssh.SSHClientConnection]) -> Any:
    """A client class that adds each connection to `made`, including one that never opens."""
    import asyncssh

    class Noting(asyncssh.SSHClient):
        def connection_made(self, connection: asyncssh.SSHClientConnection) -> None:
            made.append(connection)

    return Noting


_MSG_IGNORE = 2


def _send_data_alone(connection: asyncssh.SSHClientConnection) -> None:
    """Suppress the empty packet that asyncssh sends before every other one. It protects ciphers in CBC mode, and none
    is offered here. Without these packets a gigabyte takes a quarter less CPU time, and less on the server too."""
    send = connection.send_packet

    def send_packet(kind: int, *arguments: bytes, **options: Any) -> None:
        if kind != _MSG_IGNORE:
            send(kind, *arguments, **options)

    connection.send_packet = send_packet  # type: ignore[method-assign, assignment]
