"""Search the record of subjects for a key."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sluice.definition.models.fields import Hash
from sluice.definition.models.project import Staging
from sluice.definition.models.subjects import Subjects
from sluice.delivery.subjects.record import ABOUT, DIGEST, Held, day_of, digest_of, records
from sluice.errors import DefinitionError
from sluice.filesystem import Opened
from sluice.mapping.salts import Salts, hmac_of, read_salt
from sluice.model.access import Connections
from sluice.sql import connect

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 8


def search(
    key: str, staging: Staging, subjects: Subjects | None, connections: Connections, now: datetime, days: int
) -> Iterator[Held]:
    """The feeds of the last days that held this key, oldest first; also of runs that were not published. Raises
    `DefinitionError` if the project keeps no record."""
    if subjects is None:
        raise DefinitionError(
            "this project keeps no record of whom its deliveries held",
            next_step="declare `subjects: {salt_conn_id: ...}` in project.yaml; deliveries are recorded from then on",
        )
    opened = records(staging, connections)
    first = now.astimezone(UTC).date() - timedelta(days=days)
    names = sorted(file.name for file in opened.list() if file.name.endswith(".parquet"))
    wanted = [name for name in names if day_of(name) >= first]
    salt = read_salt(subjects.salt_conn_id, connections)
    with connect() as engine, ThreadPoolExecutor(_AT_ONCE, "subjects") as threads:
        digests = _Digests(engine, key, salt, connections)
        plain = digests.of(None)
        found = [held for held in threads.map(lambda name: _held(opened, name, plain, digests), wanted) if held]
    yield from sorted(found, key=lambda held: (held.at, held.export, held.feed))


class _Digests:
    """The digest of one key, in each form in which keys were recorded."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, key: str, salt: bytes, connections: Connections) -> None:
        self._engine, self._key, self._salt, self._connections = engine, key, salt, connections

    def of(self, hashed: Hash | None) -> int:
        key, engine = self._key, self._engine.cursor()
        if hashed is not None:
            text = "lower(trim($key))" if hashed.normalize else "$key"
            salts = (
                {hashed.salt_conn_id: read_salt(hashed.salt_conn_id, self._connections)} if hashed.salt_conn_id else {}
            )
            value = hmac_of(text, 0) if salts else f"sha256({text})"
            key = self._one(engine, value, key, Salts(salts))
        return int(self._one(engine, digest_of("$key"), key, Salts({"": self._salt})))

    def _one(self, engine: duckdb.DuckDBPyConnection, value: str, key: str, salts: Salts) -> str:
        parameters = {"key": key, **salts.parameters(salts.values)}
        (found,) = engine.execute(f"select {value}", parameters).fetchone() or ("",)
        return str(found)


def _held(opened: Opened, name: str, plain: int, digests: _Digests) -> Held | None:
    """The description of a file, if it has the key."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with opened.reporting(f"reading {name}"), opened.open_input(name) as source:
        file = pq.ParquetFile(source)
        held = Held.model_validate_json((file.schema_arrow.metadata or {}).get(ABOUT, b""))
        wanted = plain if held.hash is None else digests.of(held.hash)
        for group in range(file.metadata.num_row_groups):
            range_ = file.metadata.row_group(group).column(0).statistics
            if range_ is not None and range_.has_min_max and not range_.min <= wanted <= range_.max:
                continue
            if pc.index(file.read_row_group(group, [DIGEST]).column(0), wanted).as_py() >= 0:
                return held
    return None
