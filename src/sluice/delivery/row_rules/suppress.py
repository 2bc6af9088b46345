"""Suppression: which rows a list of keys, or of their hashes, keeps out of a delivery.

The engine holds 16 bytes for each entry of the list, and spills to disk what does not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from sluice.definition.models.catalog import Dataset
from sluice.definition.models.consent import Suppression
from sluice.delivery.row_rules.keyed import Keys, asked
from sluice.errors import FatalError
from sluice.guardrails.facts import ListFacts
from sluice.mapping.consent import Side, fit
from sluice.mapping.salts import Salts, hmac_of, read_salt
from sluice.memory import budget
from sluice.model.access import Connections
from sluice.model.layout import as_numpy
from sluice.sources.base import Pinned, Source, known_columns
from sluice.sources.fingerprint import written_at
from sluice.sources.row_set import RowSet
from sluice.sql import connect

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_THREADS = 2
_KEY = "k0"
_NOTHING = 0
"""In place of the digest of a value that is null or empty: it cannot be compared. No value has this digest."""
_WRONG = 1
"""In place of the digest of an entry that is no hash."""


class Listed(NamedTuple):
    """A list, as the run has pinned it."""

    dataset: Dataset
    source: Source
    pinned: Pinned

    @property
    def written_at(self) -> datetime | None:
        """When the newest of its files was written; None if its rows were copied, for example from a database."""
        if self.pinned.spool is not None:
            return None
        times = [time for unit in self.pinned.units.values() if (time := written_at(unit))]
        return max(times, default=None)


@dataclass(frozen=True)
class BySuppression:
    """Leaves out the rows whose key is in the list."""

    rule: Suppression
    by: str
    dataset: str
    listed: Listed
    entries: int
    """Of the list, without those that are null."""
    engine: duckdb.DuckDBPyConnection
    query: str
    salt: Salts

    @property
    def facts(self) -> ListFacts:
        """What guardrails ask of the list."""
        return ListFacts(self.rule, self.entries, self.listed.written_at)

    @property
    def stamp(self) -> str:
        """Identifies what the rows are compared with."""
        return f"{self.rule.dataset} {self.listed.pinned.version} {self.salt.fingerprint}"

    def left_out(self, source: Source, pinned: Pinned, rows: RowSet) -> dict[str, RowSet]:
        """The rows that are left out, by reason."""
        listed, unknown = RowSet(rows.slices), RowSet(rows.slices)
        keys = Keys(source, pinned, rows, [self.by])
        for batch in asked(self.engine, self.query, keys, self._failed, self.salt.parameters(self.salt.values)):
            ordinals, has_none = as_numpy(batch.column(0)), as_numpy(batch.column(1)).astype(bool)
            listed.add(ordinals[~has_none])
            unknown.add(ordinals[has_none])
        name = self.rule.dataset
        return {f"suppressed by `{name}`": listed, f"no `{self.by}` to compare with `{name}`": unknown}

    def _failed(self, why: str) -> FatalError:
        return _failed(self.dataset, f"comparing it with the list {self.rule.dataset}", why)


@contextmanager
def suppressing(
    rule: Suppression, listed: Listed, dataset: Dataset, schema: pa.Schema, connections: Connections
) -> Iterator[BySuppression]:
    """Load the list, to compare the rows of a dataset with it. Raises `DefinitionError` if a column is unknown or the
    two cannot be compared, and `FatalError` if the list cannot be read or holds something else than hashes."""
    by, column = rule.by or dataset.key, rule.column or listed.dataset.key
    known_columns(schema, [by], dataset=dataset.name)
    known_columns(listed.pinned.schema, [column], dataset=listed.dataset.name)
    ours, theirs = schema.field(by).type, listed.pinned.schema.field(column).type
    fit(rule, Side(dataset.name, by, ours), Side(listed.dataset.name, column, theirs))
    conn_id = rule.hash.salt_conn_id if rule.hash else None
    salts = Salts({conn_id: read_salt(conn_id, connections)} if conn_id else {})
    with (
        TemporaryDirectory(prefix="sluice-") as spill,
        connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
    ):
        entries = _load(engine, rule, column, listed)
        query = (
            f"select ordinal, (v = {_NOTHING})::utinyint from"  # noqa: S608 - our own names
            f" (select ordinal, {_digest(_compared(rule))} as v from rows) semi join listed using (v)"
        )
        yield BySuppression(rule, by, dataset.name, listed, entries, engine, query, salts)


def _load(engine: duckdb.DuckDBPyConnection, rule: Suppression, column: str, listed: Listed) -> int:
    """Load the entries of the list; returns their number. An entry that stands for rows without a key is added."""
    import pyarrow as pa

    name, binary = listed.dataset.name, pa.types.is_binary(listed.pinned.schema.field(column).type)
    text = f"lower(hex({_KEY}))" if binary and rule.hash else _plain(_KEY)
    value = _digest(text)
    if rule.hash:
        value = f"case when not regexp_full_match({text}, '[0-9a-f]{{64}}') then {_WRONG} else {value} end"
    rows = RowSet(listed.pinned.slices, full=True)
    keys = Keys(listed.source, listed.pinned, rows, [column])
    query = f"create table listed as select {value} as v from rows where {text} is not null"  # noqa: S608
    list(asked(engine, query, keys, lambda why: _failed(name, "reading this list", why)))
    found = engine.execute(f"select count(*), count_if(v = {_WRONG}) from listed").fetchone()  # noqa: S608
    entries, wrong = found or (0, 0)
    if rule.hash and wrong:
        raise FatalError(
            f"the list {name}: {wrong:,} of {entries:,} values in `{column}` are not SHA-256 in hexadecimal, so nobody"
            " would match them: nothing is sent",
            next_step="correct the list, name another `column`, or leave out `hash` if the list holds plain values",
        )
    engine.execute(f"insert into listed values ({_NOTHING})")  # noqa: S608
    return int(entries)


def _plain(value: str) -> str:
    """The SQL of a text as it is compared; null if it is empty."""
    return f"nullif(lower(trim(cast({value} as varchar))), '')"


def _compared(rule: Suppression) -> str:
    """The SQL of a row's key as the list has it."""
    if rule.hash is None:
        return _plain(_KEY)
    text = _plain(_KEY) if rule.hash.normalize else f"nullif(cast({_KEY} as varchar), '')"
    return hmac_of(text, 0) if rule.hash.salt_conn_id else f"sha256({text})"


def _digest(text: str) -> str:
    return f"coalesce(md5_number({text}), {_NOTHING})"


def _failed(dataset: str, act: str, why: str) -> FatalError:
    return FatalError(
        f"dataset {dataset}: {act} failed: {why}",
        next_step="declare more `memory`, or make room in the machine's temporary folder",
    )
