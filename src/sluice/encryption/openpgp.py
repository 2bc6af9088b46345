"""OpenPGP: each part is one message, encrypted to its recipients and signed where a signer is declared.

A message cannot be made twice: every encryption draws a new session key, so the same rows give other bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sluice.errors import DefinitionError, FatalError
from sluice.model.access import Connections, KeyAccess
from sluice.model.declared import Declared

if TYPE_CHECKING:
    from pysequoia import Cert, PySigner

MIB = 1 << 20
_SECRET = "PRIVATE KEY BLOCK"  # noqa: S105 - how an armored secret key begins


class OpenPgp(Declared):
    """How every part is encrypted before it is sent."""

    encrypt_to: tuple[str, ...] = Field(min_length=1)
    """The Airflow connections, of type `generic`, whose extra `public_key` is a recipient's key; each can read all."""
    sign_with: str | None = None
    """The Airflow connection whose extra `private_key` signs every part, its password the key's passphrase."""
    extension: Literal["gpg", "pgp"] = "gpg"
    """What is added to the parts' names."""
    most_mib: int = Field(default=64, ge=1, le=1024)
    """The most mebibytes of one part before encryption: it is held in memory, about three times over, on each core."""

    def open(self, connections: Connections, *, name: str) -> Encryptor:
        """The keys, read and tried: a few bytes have been encrypted by them. `name` is the connection's, for messages.

        Raises `DefinitionError` where an Airflow connection is missing or holds no such key, `FatalError` where a key
        has expired, is revoked, or cannot do what is asked of it."""
        with_keys = Encryptor(
            name,
            tuple(_recipient(connections, conn_id, name) for conn_id in self.encrypt_to),
            _signer(connections, self.sign_with, name) if self.sign_with else None,
            self.most_mib,
        )
        b"".join(with_keys.encrypt([b"tried before anything is sent\n"]))
        return with_keys


@dataclass(frozen=True)
class Encryptor:
    """Makes messages. Safe to use from many threads; holds the interpreter while it encrypts one."""

    name: str
    recipients: Sequence[Cert] = field(repr=False)
    signer: PySigner | None = field(repr=False)
    most_mib: int

    def encrypt(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """One message of all the pieces, in pieces of a mebibyte. Raises `FatalError` where there is too much of it."""
        from pysequoia import encrypt

        whole = self._gathered(pieces)
        try:
            message = encrypt(whole, self.recipients, self.signer, armor=False)
        except Exception as error:
            raise FatalError(
                f"connection {self.name}: OpenPGP does not encrypt with the declared keys: {_first_line(error)}",
                next_step="see that each of `encrypt_to` has a key for encryption, and `sign_with` one for signing",
            ) from None
        del whole
        for start in range(0, len(message), MIB):
            yield message[start : start + MIB]

    def _gathered(self, pieces: Iterable[bytes]) -> bytes:
        found: list[bytes] = []
        size = 0
        for piece in pieces:
            found.append(piece)
            size += len(piece)
            if size > self.most_mib * MIB:
                raise FatalError(
                    f"connection {self.name}: a part has more than {self.most_mib} MiB, and a part that is encrypted is"
                    " held in memory",
                    next_step="lower the export's `chunks.records`, or declare `chunks: {bytes: ...}`; or raise"
                    " `openpgp.most_mib` where the workers have the memory",
                )
        return b"".join(found)


def _recipient(connections: Connections, conn_id: str, name: str) -> Cert:
    from pysequoia import Cert

    text = _key(connections, conn_id, name).public_key
    if text is None or _SECRET in text:
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} holds no public key, or a private one in its place",
            next_step="put the recipient's armored public key into its extra `public_key`: gpg --armor --export KEY",
        )
    try:
        cert = Cert.from_bytes(text.encode())
    except Exception as error:
        raise _unreadable(conn_id, name, "public_key", error) from None
    ends = cert.expiration
    if cert.is_revoked or (ends is not None and ends <= datetime.now(UTC)):
        raise FatalError(
            f"connection {name}: the key {cert.fingerprint} of the Airflow connection {conn_id} "
            + ("is revoked" if cert.is_revoked else f"has expired: it ended at {ends:%Y-%m-%d %H:%M} UTC"),
            next_step="get the recipient's present key",
        )
    return cert


def _signer(connections: Connections, conn_id: str, name: str) -> PySigner:
    from pysequoia import Tsk

    key = _key(connections, conn_id, name)
    if key.private_key is None:
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} holds no private key",
            next_step="put the armored private key into its extra `private_key`, and the passphrase into its password",
        )
    try:
        secret = Tsk.from_bytes(key.private_key.encode())
    except Exception as error:
        raise _unreadable(conn_id, name, "private_key", error) from None
    try:
        return secret.signer(key.passphrase)
    except Exception:
        raise FatalError(
            f"connection {name}: the private key of the Airflow connection {conn_id} cannot sign: its passphrase is"
            " wrong or missing, or it is no key for signing",
            next_step=f"correct the password of the Airflow connection {conn_id}",
        ) from None


def _key(connections: Connections, conn_id: str, name: str) -> KeyAccess:
    access = connections.get(conn_id)
    if not isinstance(access, KeyAccess):
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} holds no OpenPGP key",
            next_step="name one of type generic with an extra `public_key` or `private_key`",
        )
    return access


def _unreadable(conn_id: str, name: str, extra: str, error: Exception) -> DefinitionError:
    return DefinitionError(
        f"connection {name}: the extra `{extra}` of the Airflow connection {conn_id} is no OpenPGP key:"
        f" {_first_line(error)}",
        next_step="put the whole armored key there, its line ends as `\\n`",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
