"""OpenPGP: each part is one message, encrypted to its recipients, and signed if a signer is declared.

Every encryption uses a new session key, so the same rows never give the same bytes twice.
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
_SECRET = "PRIVATE KEY BLOCK"  # noqa: S105 - the start of an armored secret key


class OpenPgp(Declared):
    """How every part is encrypted before it is sent."""

    encrypt_to: tuple[str, ...] = Field(min_length=1)
    """The Airflow connections of type `generic` whose extra `public_key` is a recipient's key. Each can read every
    part."""
    sign_with: str | None = None
    """The Airflow connection whose extra `private_key` signs every part; its password is the key's passphrase."""
    extension: Literal["gpg", "pgp"] = "gpg"
    """The extension added to the parts' names."""
    most_mib: int = Field(default=64, ge=1, le=1024)
    """The maximum MiB of one part before encryption. Each core holds one part in memory, about three times over."""

    def open(self, connections: Connections, *, name: str) -> Encryptor:
        """An encryptor with the declared keys, tested by encrypting a few bytes. `name` is the connection's, for
        messages.

        Raises `DefinitionError` if an Airflow connection is missing or has no such key, `FatalError` if a key has
        expired, is revoked, or cannot encrypt or sign."""
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
    """Encrypts messages. Thread-safe; holds the interpreter lock while it encrypts one."""

    name: str
    recipients: Sequence[Cert] = field(repr=False)
    signer: PySigner | None = field(repr=False)
    most_mib: int

    def encrypt(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """One message of all the pieces, in pieces of a mebibyte. Raises `FatalError` above `most_mib`."""
        from pysequoia import encrypt

        whole = self._gathered(pieces)
        try:
            message = encrypt(whole, self.recipients, self.signer, armor=False)
        except Exception as error:
            raise FatalError(
                f"connection {self.name}: OpenPGP cannot encrypt with the declared keys: {_first_line(error)}",
                next_step="check that each key of `encrypt_to` can encrypt, and that the key of `sign_with` can sign",
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
                    f"connection {self.name}: a part has more than {self.most_mib} MiB, but an encrypted part must fit"
                    " in memory",
                    next_step="lower the export's `chunks.records`, or declare `chunks: {bytes: ...}`; or raise"
                    " `openpgp.most_mib` if the workers have the memory",
                )
        return b"".join(found)


def _recipient(connections: Connections, conn_id: str, name: str) -> Cert:
    from pysequoia import Cert

    text = _key(connections, conn_id, name).public_key
    if text is None or _SECRET in text:
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} has no public key, or a private key in its place",
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
            + ("is revoked" if cert.is_revoked else f"expired at {ends:%Y-%m-%d %H:%M} UTC"),
            next_step="get the recipient's current key",
        )
    return cert


def _signer(connections: Connections, conn_id: str, name: str) -> PySigner:
    from pysequoia import Tsk

    key = _key(connections, conn_id, name)
    if key.private_key is None:
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} has no private key",
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
            " wrong or missing, or the key is not meant for signing",
            next_step=f"correct the password of the Airflow connection {conn_id}",
        ) from None


def _key(connections: Connections, conn_id: str, name: str) -> KeyAccess:
    access = connections.get(conn_id)
    if not isinstance(access, KeyAccess):
        raise DefinitionError(
            f"connection {name}: the Airflow connection {conn_id} has no OpenPGP key",
            next_step="name a connection of type `generic` with an extra `public_key` or `private_key`",
        )
    return access


def _unreadable(conn_id: str, name: str, extra: str, error: Exception) -> DefinitionError:
    return DefinitionError(
        f"connection {name}: the extra `{extra}` of the Airflow connection {conn_id} is not an OpenPGP key:"
        f" {_first_line(error)}",
        next_step="put the whole armored key there, with its line breaks as `\\n`",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
