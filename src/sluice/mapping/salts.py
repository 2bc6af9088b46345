"""Salts: secrets that make a hash one which only who knows them can compute."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError, about
from sluice.model.access import Connections, SecretAccess

_BLOCK = 64
"""Bytes that SHA-256 takes in at once."""


@dataclass(frozen=True)
class Salts:
    """The salts of a feed's fields, by their connections. Shown nowhere: not in a `repr`, not in a query's text."""

    values: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def fingerprint(self) -> str | None:
        """Tells whether a salt has changed since; None without salts. Made of them by HMAC, as the hashes are that
        are delivered: it says no more about them than those do."""
        if not self.values:
            return None
        whole = hashlib.sha256()
        for conn_id, salt in sorted(self.values.items()):
            whole.update(hmac.digest(salt, f"the salt of {conn_id}".encode(), "sha256"))
        return whole.hexdigest()[:16]

    def parameters(self, conn_ids: Iterable[str]) -> dict[str, bytes]:
        """What a query's `hmac_of` is given beside its text."""
        found: dict[str, bytes] = {}
        for number, conn_id in enumerate(conn_ids):
            salt = self.values[conn_id]
            key = (hashlib.sha256(salt).digest() if len(salt) > _BLOCK else salt).ljust(_BLOCK, b"\0")
            found[f"inner{number}"] = bytes(byte ^ 0x36 for byte in key)
            found[f"outer{number}"] = bytes(byte ^ 0x5C for byte in key)
        return found


def hmac_of(text: str, number: int) -> str:
    """HMAC-SHA256 (RFC 2104) of a SQL text, its key in the query's parameters."""
    inner = f"from_hex(sha256($inner{number}::blob || encode({text})))"
    return f"sha256($outer{number}::blob || {inner})"


def salts_of(fields: Iterable[FieldSpec] | None) -> tuple[str, ...]:
    """The connections that hold the fields' salts, sorted."""
    return tuple(sorted({spec.hash.salt_conn_id for spec in fields or () if spec.hash and spec.hash.salt_conn_id}))


def read_salts(fields: Iterable[FieldSpec] | None, connections: Connections) -> Salts:
    """The fields' salts. Raises `DefinitionError` where a connection is missing, or holds no secret on its own."""
    return Salts({conn_id: _read(conn_id, connections) for conn_id in salts_of(fields)})


def _read(conn_id: str, connections: Connections) -> bytes:
    with about("fields"):
        access = connections.get(conn_id)
        if not isinstance(access, SecretAccess):
            raise DefinitionError(
                f"the Airflow connection {conn_id} is not of type `generic`: its password is no salt",
                next_step="add one of that type in Airflow under Admin, Connections, or by"
                " `sluice airflow connections add NAME --conn-type generic --conn-password ...`, and name that one",
            )
        return access.value
