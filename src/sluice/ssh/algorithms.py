"""The algorithms that a connection may use. SHA-1 is refused unless the connection's `legacy_algorithms` is true."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CIPHERS = (
    "aes128-gcm@openssh.com",  # the fastest on processors with AES instructions, measured twice the default's speed
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""None of them uses CBC mode: `connecting` relies on that."""

LEGACY_KEX = ("diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1")
LEGACY_MACS = ("hmac-sha1-etm@openssh.com", "hmac-sha1")
LEGACY_KEYS = ("ssh-rsa",)
"""RSA signatures with SHA-1. The name also denotes a key type: such a key can sign with SHA-2 too."""
_SHA1 = {*LEGACY_KEX, *LEGACY_MACS, *LEGACY_KEYS, "ssh-rsa-cert-v01@openssh.com"}


@dataclass(frozen=True)
class Algorithms:
    """The algorithms of each kind that one side offers, the best first, named as in RFC 4253."""

    key_exchange: tuple[str, ...]
    host_key: tuple[str, ...]
    cipher: tuple[str, ...]
    mac: tuple[str, ...]

    def options(self) -> dict[str, Any]:
        """The same as options of asyncssh."""
        return {
            "kex_algs": self.key_exchange,
            "server_host_key_algs": self.host_key,
            "encryption_algs": self.cipher,
            "mac_algs": self.mac,
        }


def ours(host_keys: Sequence[str], *, legacy: bool) -> Algorithms:
    """What this client offers to a server that may sign with `host_keys`; with `legacy`, SHA-1 as the last choice."""
    from asyncssh.kex import get_default_kex_algs
    from asyncssh.mac import get_default_mac_algs

    kex = (name for name in _names(get_default_kex_algs()) if not name.startswith("gss-"))
    return Algorithms(
        _allowed(kex, LEGACY_KEX, legacy=legacy),
        _allowed(host_keys, [name for name in LEGACY_KEYS if name in host_keys], legacy=legacy),
        CIPHERS,
        _allowed(_names(get_default_mac_algs()), LEGACY_MACS, legacy=legacy),
    )


def signatures(*, legacy: bool) -> tuple[str, ...]:
    """The algorithms that the login's own key may sign with."""
    from asyncssh.public_key import get_default_public_key_algs

    return _allowed(_names(get_default_public_key_algs()), LEGACY_KEYS, legacy=legacy)


def every_host_key() -> tuple[str, ...]:
    """The signature algorithms for a server without a known host key."""
    from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

    return tuple(_names([*get_default_certificate_algs(), *get_default_public_key_algs()]))


def _names(algorithms: Iterable[bytes]) -> Iterable[str]:
    return (name.decode("ascii") for name in algorithms)


def _allowed(names: Iterable[str], legacy_names: Sequence[str], *, legacy: bool) -> tuple[str, ...]:
    new = tuple(name for name in names if name not in _SHA1)
    return (*new, *legacy_names) if legacy else new


_KINDS = {"key_exchange": "key exchange", "host_key": "host key", "cipher": "cipher", "mac": "MAC"}
_AEAD = ("gcm", "poly1305")
"""Ciphers that need no separate MAC."""


@dataclass(frozen=True)
class Mismatch:
    """The first kind of algorithm of which two sides have none in common."""

    kind: str
    wanted: tuple[str, ...]
    offered: tuple[str, ...]


def mismatch(mine: Algorithms, theirs: Algorithms) -> Mismatch | None:
    """The reason why two sides cannot connect; None if their algorithms match."""
    for field, kind in _KINDS.items():
        wanted, offered = getattr(mine, field), getattr(theirs, field)
        if field == "mac" and any(word in _cipher(mine, theirs) for word in _AEAD):
            continue
        if not set(wanted) & set(offered):
            real = tuple(name for name in offered if not name.startswith(("ext-info-", "kex-strict-")))
            return Mismatch(kind, wanted, real)
    return None


def _cipher(mine: Algorithms, theirs: Algorithms) -> str:
    return next((name for name in mine.cipher if name in theirs.cipher), "")


_LONGEST_PACKET = 35_000
_KEXINIT = 20


async def offered_by(host: str, port: int, timeout: float = 10) -> Algorithms | None:
    """The algorithms that a server announces before the login (RFC 4253, 7.1); None if it announces none."""
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"SSH-2.0-Sluice\r\n")
            while not (await reader.readline()).startswith(b"SSH-"):
                if reader.at_eof():
                    return None
            size = int.from_bytes(await reader.readexactly(4))
            return _read(await reader.readexactly(size)) if size <= _LONGEST_PACKET else None
    except (OSError, EOFError, TimeoutError, ValueError):
        return None
    finally:
        if writer is not None:
            writer.close()


def _read(packet: bytes) -> Algorithms | None:
    """Parse an unencrypted KEXINIT packet: padding length, type, 16 random bytes, then lists of names."""
    if packet[1:2] != bytes([_KEXINIT]):
        return None
    rest, lists = packet[18:], []
    for _ in range(6):
        length = int.from_bytes(rest[:4])
        lists.append(tuple(rest[4 : 4 + length].decode("ascii").split(",")))
        rest = rest[4 + length :]
    return Algorithms(lists[0], lists[1], lists[2], lists[4])
