"""Salts: secrets that are part of a hash, so that it cannot be computed without them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError, about
from sluice.model.access import Connections, SecretAccess

_BLOCK = 64
"""The block size of SHA-256 in bytes."""


@dataclass(frozen=True)
class Salts:
    """The salts of a feed's fields, by connection. They are never shown: neither in a `repr` nor in a query's text."""

    values: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def fingerprint(self) -> str | None:
        """A fingerprint that changes when a salt changes; None without salts. It is an HMAC, like the delivered hashes,
        so it reveals no more about the salts than they do."""
        if not self.values:
            return None
        whole = hashlib.sha256()
        for conn_id, salt in sorted(self.values.items()):
            whole.update(hmac.digest(salt, f"the salt of {conn_id}".encode(), "sha256"))
        return whole.hexdigest()[:16]

    def parameters(self, conn_ids: Iterable[str]) -> dict[str, bytes]:
        """The query parameters for `hmac_of`: the salts as padded keys (RFC 2104)."""
        found: dict[str, bytes] = {}
        for number, conn_id in enumerate(conn_ids):
            salt = self.values[conn_id]
            key = (hashlib.sha256(salt).digest() if len(salt) > _BLOCK else salt).ljust(_BLOCK, b"\0")
            found[f"inner{number}"] = bytes(byte ^ 0x36 for byte in key)
            found[f"outer{number}"] = bytes(byte ^ 0x5C for byte in key)
        return found


def hmac_of(text: str, number: int) -> str:
    """The SQL of an HMAC-SHA256 (RFC 2104) of a text. Its key is in the query's parameters."""
    inner = f"from_hex(sha256($inner{number}::blob || encode({text})))"
    return f"sha256($outer{number}::blob || {inner})"


def salts_of(fields: Iterable[FieldSpec] | None) -> tuple[str, ...]:
    """The connections with the fields' salts, sorted."""
    return tuple(sorted({spec.hash.salt_conn_id for spec in fields or () if spec.hash and spec.hash.salt_conn_id}))


def read_salts(fields: Iterable[FieldSpec] | None, connections: Connections) -> Salts:
    """Read the fields' salts. Raises `DefinitionError` if a connection is missing or not of type `generic`."""
    return Salts({conn_id: read_salt(conn_id, connections) for conn_id in salts_of(fields)})


def read_salt(conn_id: str, connections: Connections) -> bytes:
    """Read one salt. Raises the same errors."""
    with about("fields"):
        access = connections.get(conn_id)
        if not isinstance(access, SecretAccess):
            raise DefinitionError(
                f"the Airflow connection {conn_id} is not of type `generic`, so its password cannot be a salt",
                next_step="add one of that type in Airflow under Admin, Connections, or with"
                " `sluice airflow connections add NAME --conn-type generic --conn-password ...`, and use its name",
            )
        return access.value
