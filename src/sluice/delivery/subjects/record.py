"""The record of whom a delivery holds: `subjects/<export>/<day>-<flow run id>/<feed>.parquet` in staging.

Each file has the distinct keys of a feed's rows, as sorted 64-bit digests of their HMAC-SHA256. Rows that a delivery of
changes says were removed are not in it. Sorted digests compress to about 5 bytes each, and a search reads only the row
groups whose range includes the digest that it looks for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.fields import FieldSpec, Hash
from sluice.definition.models.project import Staging
from sluice.delivery.rows.opened import rows_of, source_of
from sluice.delivery.staging import Stage
from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.foreign import said
from sluice.mapping.mapper import compile_fields
from sluice.mapping.salts import Salts, hmac_of, read_salt
from sluice.memory import budget, use
from sluice.model.access import Connections
from sluice.model.change import COLUMN
from sluice.plan.model import Feed
from sluice.sql import connect
from sluice.sql.spilling import disk_full

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from sluice.delivery.publish.delivered import Delivered, Delivery

log = logging.getLogger(__name__)
ABOUT = b"sluice.subjects"
"""The metadata key of a file's `Held`."""
DIGEST = "digest"
_THREADS = 2
_GROUP = 100_000
"""Digests of one row group: a search reads one of them from each file, about half a megabyte."""
_RECORDED = ("profile", "account", "contact")


class Held(BaseModel):
    """One feed of one delivery, as its file describes it."""

    model_config = ConfigDict(frozen=True)

    export: str
    connection: str
    run: str
    """Its Airflow run id."""
    flow_run_id: str
    feed: str
    dataset: str
    mode: str
    at: datetime
    """When it was published or, for a resend, sent again."""
    manifest: str
    hash: Hash | None = None
    """How the recorded keys were hashed before, if only hashed keys were known."""


def is_recorded(feed: Feed) -> bool:
    """Whether the feed's rows are about people or companies."""
    return feed.dataset.kind in _RECORDED


def record(delivery: Delivery, stage: Stage, connections: Connections, manifest: str, now: datetime) -> None:
    """Record whom the delivery holds, and remove records that are too old. Does nothing if the project keeps no record.
    Raises `FatalError` if it cannot be written: then the delivery must not become visible."""
    plan = delivery.plan
    if plan.subjects is None:
        return
    use(plan.memory, engine=True)
    salt = Salts({plan.subjects.salt_conn_id: read_salt(plan.subjects.salt_conn_id, connections)})
    own = records(plan.staging, connections).below(plan.export.name)
    folder = f"{now.astimezone(UTC):%Y-%m-%d}-{plan.run.id}"
    for one in delivery.feeds:
        if not is_recorded(one.feed) or not one.written:
            continue
        key = _key(one)
        if key is None:
            log.warning("%s is not in the record of subjects: only masked keys are known", one.feed.name)
            continue
        held = Held(
            export=plan.export.name,
            connection=plan.connection.name,
            run=plan.run.run_id,
            flow_run_id=str(plan.run.id),
            feed=one.feed.name,
            dataset=one.feed.dataset.name,
            mode=plan.mode,
            at=now,
            manifest=manifest,
            hash=key.hash,
        )
        _write(own, f"{folder}/{one.feed.name}.parquet", held, _keys(one, key, stage, connections), salt)
    first = now.astimezone(UTC).date() - plan.subjects.keep
    own.remove(file.name for file in own.list() if day_of(file.name) < first)


def records(staging: Staging, connections: Connections) -> Opened:
    """The folder of all records."""
    return open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/subjects".lstrip("/"))


def day_of(name: str) -> date:
    """The day of a record, from the name of its file below the export's folder. Other files count as new."""
    try:
        return date.fromisoformat(name.rpartition("/")[0].rpartition("/")[2][:10])
    except ValueError:
        return date.max - timedelta(days=1)


def digest_of(key: str) -> str:
    """The SQL of a key's digest. The salt is in the query's parameters."""
    return f"md5_number_lower({hmac_of(f'cast({key} as varchar)', 0)})"


def _key(one: Delivered) -> FieldSpec | None:
    """The column with the keys in the pinned rows, and how they are hashed there; None if they are masked. The copy of
    a delivery of changes only has the delivered form."""
    key, fields = one.feed.dataset.key, one.feed.fields
    if one.extract.changes is None or fields is None:
        return FieldSpec(field=key)
    specs = [spec for spec in fields if spec.field == key and spec.mask is None]
    specs.sort(key=lambda spec: spec.hash is not None)
    return FieldSpec(field=specs[0].output, hash=specs[0].hash) if specs else None


def _keys(one: Delivered, key: FieldSpec, stage: Stage, connections: Connections) -> Iterator[pa.RecordBatch]:
    """The keys of the delivered rows, except those of removed rows."""
    import pyarrow.compute as pc

    feed, extract = one.feed, one.extract
    fields = [FieldSpec(field=key.field)]
    fields += [FieldSpec(field=COLUMN)] if extract.changes is not None else []
    mapper = compile_fields(fields, extract.pinned.schema, dataset=feed.dataset.name)
    for table in rows_of(source_of(feed, extract, connections), extract, mapper, stage).read(0, extract.records):
        here = table.cast(mapper.schema)
        here = here if extract.changes is None else here.filter(pc.not_equal(here[COLUMN], "removed"))
        yield from here.select([0]).rename_columns(["key"]).to_batches()


def _write(own: Opened, name: str, held: Held, keys: Iterator[pa.RecordBatch], salt: Salts) -> None:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {ABOUT: held.model_dump_json().encode()}
    schema = pa.schema([pa.field(DIGEST, pa.uint64(), nullable=False)], metadata=about)
    with (
        TemporaryDirectory(prefix="sluice-") as spill,
        connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
    ):
        try:
            batches = _sorted(engine, keys, salt)
            with (
                own.open_output(name) as sink,
                pq.ParquetWriter(
                    sink, schema, compression="zstd", use_dictionary=False, column_encoding="DELTA_BINARY_PACKED"
                ) as to,
            ):
                for batch in batches:
                    to.write_batch(batch.cast(schema), row_group_size=_GROUP)
        except (duckdb.Error, OSError) as error:
            what = f"{held.feed}: the record of its keys cannot be written: {said(error)}"
            raise disk_full(error, what) or FatalError(
                what,
                next_step="declare more `memory`, or make room in the machine's temporary folder; then clear `publish`",
            ) from error


def _sorted(engine: duckdb.DuckDBPyConnection, keys: Iterator[pa.RecordBatch], salt: Salts) -> pa.RecordBatchReader:
    """The distinct digests, sorted."""
    import pyarrow as pa

    first = next(keys, None)
    if first is None:
        first = pa.record_batch([pa.array([], pa.string())], ["key"])

    def every() -> Iterator[pa.RecordBatch]:
        yield first
        yield from keys

    engine.register("rows", pa.RecordBatchReader.from_batches(first.schema, every()))
    query = f"select distinct {digest_of('key')} as {DIGEST} from rows where key is not null order by 1"  # noqa: S608
    return engine.sql(query, params=salt.parameters(salt.values)).to_arrow_reader(_GROUP)
