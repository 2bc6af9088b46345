"""The rows of the members, which a refresh stages beside their keys: an export takes these rows from the files that the
refresh has read, and looks for the keys only in others."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pydantic import ValidationError

from sluice.definition.models.catalog import Dataset
from sluice.definition.models.project import Staging
from sluice.errors import FatalError, SluiceError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections
from sluice.model.layout import as_numpy
from sluice.refresh.membership import MemberRows, Membership, read_keys
from sluice.sources.base import Pinned, Slice, Source
from sluice.sources.position import narrowed
from sluice.sources.row_set import RowSet
from sluice.sources.selection import select


class ReadFrom(NamedTuple):
    """What is read of a dataset."""

    source: Source
    pinned: Pinned


def stage_rows(
    written: Membership, dataset: Dataset, read: ReadFrom | None, staging: Staging, connections: Connections
) -> Membership:
    """Stage the rows whose keys were written, and what was pinned; returns `written` with their number.

    Nothing is staged if no other run can pin the same data, because it was copied or never left its database, or if it
    is no longer what was pinned."""
    if read is None or read.pinned.spool is not None:
        return written
    rows = RowSet(read.pinned.slices)
    opened = open_filesystem(connections, staging.airflow_conn_id, staging.path)
    try:
        keys = read_keys(written, staging, connections)
        for one in select(read.source, read.pinned, key=written.key, keys=keys):
            rows.add_of(one.index, as_numpy(one.rows))
        _write(rows, read.pinned, opened, written.rows_path)
    except SluiceError:
        return written  # exports look for the keys
    return written.model_copy(update={"rows": MemberRows(source=_declared(dataset), records=len(rows))})


def find_rows(
    membership: Membership, dataset: Dataset, key: str, read: ReadFrom, staging: Staging, connections: Connections
) -> RowSet | None:
    """The rows whose value of `key` is among the members: those that the refresh has staged, for files that it has read
    exactly as they are pinned now; those with the members' keys, for all others. None if there are only others."""
    staged, pinned = membership.rows, read.pinned
    same = (membership.dataset, membership.key) == (dataset.name, key)
    if staged is None or not same or staged.source != _declared(dataset) or pinned.spool is not None:
        return None
    before = _read(open_filesystem(connections, staging.airflow_conn_id, staging.path), membership.rows_path)
    if before is None or len(before.rows) != staged.records or not _comparable(before.pinned, pinned, key):
        return None
    rows, unknown = _carried(before, pinned)
    if len(unknown) == len(pinned.slices):
        return None
    if unknown:
        keys = read_keys(membership, staging, connections)
        rest = narrowed(pinned, (pinned.slices[index] for index in unknown))
        for one in select(read.source, rest, key=key, keys=keys):
            rows.add_of(unknown[one.index], as_numpy(one.rows))
    return rows


class _Staged(NamedTuple):
    """What a refresh has staged."""

    pinned: Pinned
    rows: RowSet


def _declared(dataset: Dataset) -> str:
    """A digest of the source as it is declared."""
    return hashlib.sha256(dataset.source.model_dump_json().encode()).hexdigest()


def _comparable(before: Pinned, now: Pinned, key: str) -> bool:
    """Whether the same file has the same keys: it is of the same table, and the key has the same type."""
    then, column = before.schema, now.schema
    known = key in then.names and key in column.names
    return known and before.table == now.table and then.field(key).type == column.field(key).type


def _carried(before: _Staged, now: Pinned) -> tuple[RowSet, list[int]]:
    """The staged rows as rows of what is pinned now, and the slices of other files, by index."""
    if (before.pinned.units, before.pinned.slices) == (now.units, now.slices):
        return before.rows, []
    rows, unknown = RowSet(now.slices), list[int]()
    then, files = _by_file(before.pinned), _by_file(now)
    for file, slices in files.items():
        old = then.get(file, {})
        if before.pinned.units.get(file) == now.units[file] and list(old) == list(slices):
            for index, was in zip(slices.values(), old.values(), strict=True):
                rows.add_of(index, before.rows.rows(was))
        else:
            unknown += slices.values()
    return rows, sorted(unknown)


def _by_file(pinned: Pinned) -> dict[str, dict[Slice, int]]:
    """The slices of each file, with their index."""
    found: dict[str, dict[Slice, int]] = {}
    for index, piece in enumerate(pinned.slices):
        found.setdefault(piece.unit, {})[piece] = index
    return found


def _write(rows: RowSet, pinned: Pinned, opened: Opened, path: str) -> None:
    """What is pinned as a line of JSON, then the bitmap; both compressed."""
    import pyarrow as pa

    body = pa.BufferOutputStream()  # closed with the stream around it, which a file of a store must not be
    with pa.CompressedOutputStream(body, "zstd") as stream:
        stream.write(pinned.model_dump_json().encode() + b"\n")
        stream.write(rows.packed())
    opened.write_bytes(path, body.getvalue().to_pybytes())


def _read(opened: Opened, path: str) -> _Staged | None:
    """What a refresh has staged; None if it was removed or is damaged."""
    import pyarrow as pa

    try:
        body = opened.find_bytes(path)
    except FatalError:
        return None
    try:
        whole = pa.CompressedInputStream(pa.BufferReader(body or b""), "zstd").read()
        line, _, packed = whole.partition(b"\n")
        pinned = Pinned.model_validate_json(line)
    except (OSError, ValidationError):
        return None
    rows = RowSet.of(pinned.slices, packed)
    return None if rows is None else _Staged(pinned, rows)
