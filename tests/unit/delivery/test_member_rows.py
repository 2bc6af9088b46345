"""An export takes the rows that the refresh has staged if it reads the same files, and otherwise finds its members by
their keys: either way the same rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.load import load
from sluice.errors import FatalError
from sluice.model.access import CatalogAccess
from sluice.refresh.evaluate import evaluate_segment
from sluice.refresh.membership import Membership, current
from tests.builders import NOW, World
from tests.unit.sources.lakes import SOURCES, DeltaByHand, catalog, marks, properties

pytestmark = pytest.mark.slow

IDS = [None if n % 11 == 0 else n // 2 for n in range(400)]
"""Every key twice, but for nulls."""
PEOPLE = pa.table(
    {
        "id": pa.array(IDS, pa.int64()),
        "code": [None if one is None else f"c{one:04d}" for one in IDS],
        "score": [n % 7 for n in range(400)],
        "mail": [None if n % 5 == 0 else f"{n}@x" for n in range(400)],
        "n": range(400),
    }
)
RULES = {
    "where": "where: score = 3",
    "sql": "sql: select id from people where score = 3 union all select 7 union all select -1",
    "none": "where: score > 99",
    "all": "where: 'true'",
}
TABLE = "people: {kind: profile, key: id, source: {type: delta, airflow_conn_id: lake, path: data}}"
FIELDS = ["n", "score", "mail"]


def world(root: Path, rule: str = RULES["where"], *, key: str = "id", export: str = "", path: str = "people") -> World:
    here = World(root)
    here.dataset("people", PEOPLE, files=3, row_group=50)
    source = f"{{type: parquet, airflow_conn_id: lake, path: {path}}}"
    more = export or f"fields: {FIELDS}"
    here.declare(
        {
            "catalog/datasets.yaml": f"people: {{kind: profile, key: {key}, source: {source}}}",
            "catalog/segments.yaml": f"some: {{dataset: people, {rule.replace(' id ', f' {key} ')}}}",
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/ads.yaml": "{kind: segment-export, connection: out, segments: [some],"
            f" format: {{type: json, compression: none}}, {more}}}",
        }
    )
    return here


def refresh(here: World, run: str = "r") -> Membership:
    return evaluate_segment(load(here.include).project, "some", here, run, NOW)


def staging(here: World) -> Path:
    return here.root / "sluice_staging" / "staging"


def forget_keys(here: World) -> None:
    """Without its table, only the staged rows can say who is a member."""
    (staging(here) / refreshed(here).path).unlink()


def refreshed(here: World) -> Membership:
    return current(here.plan("ads").staging, "some", here)


def delivered(here: World, run: str = "manual__1") -> list[int]:
    before = {*here.delivered()}
    here.run("ads", run)
    parts = [here.root / "out" / name for name in here.delivered() if "part-" in name and name not in before]
    return [json.loads(line)["n"] for part in parts for line in part.read_text().splitlines()]


def expected(found: set[int], people: pa.Table = PEOPLE) -> list[int]:
    return [row["n"] for row in people.to_pylist() if row["id"] in found]


THREES = {row["id"] for row in PEOPLE.to_pylist() if row["score"] == 3} - {None}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "keys"),
    [("where", THREES), ("sql", THREES | {7}), ("none", set()), ("all", {*IDS} - {None})],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_staged_rows_are_those_of_the_keys(tmp_path: Path, rule: str, keys: set[int]) -> None:
    """A key that is there twice is a member with both rows, although the rule may hold for one of them alone."""
    here = world(tmp_path, RULES[rule])
    refresh(here)
    by_keys = world(tmp_path / "by_keys", RULES[rule])
    without_rows(by_keys, refresh(by_keys))
    assert delivered(by_keys) == expected(keys)
    forget_keys(here)
    assert delivered(here) == expected(keys)


def without_rows(here: World, written: Membership) -> None:
    (staging(here) / written.rows_path).unlink()


def test_a_key_of_text(tmp_path: Path) -> None:
    here = world(tmp_path, "where: score = 3", key="code")
    refresh(here)
    forget_keys(here)
    assert delivered(here) == expected(THREES)


def test_required_fields_are_checked_on_staged_rows(tmp_path: Path) -> None:
    here = world(tmp_path, export="fields: [n, {field: mail, required: true}]")
    refresh(here)
    forget_keys(here)
    assert delivered(here) == [n for n in expected(THREES) if n % 5]


@pytest.mark.parametrize("how", ["another file", "rows in another order", "touched", "a file more", "a file less"])
def test_other_files_are_searched_for_the_keys(tmp_path: Path, how: str) -> None:
    here = world(tmp_path)
    refresh(here)
    file = here.root / "lake" / "people" / "001.parquet"
    table = pq.read_table(file)
    if how == "touched":
        before = file.stat()
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    elif how == "a file more":
        pq.write_table(table, file.with_name("004.parquet"))
    elif how == "a file less":
        file.unlink()
    else:
        changed = table.slice(1) if how == "another file" else table.take(list(range(table.num_rows))[::-1])
        pq.write_table(changed, file, row_group_size=50)
    now = pa.concat_tables(pq.read_table(path) for path in sorted(file.parent.glob("*.parquet")))
    assert delivered(here, "manual__1") == expected(THREES, now)
    forget_keys(here)
    if how == "a file less":
        assert delivered(here, "manual__2") == expected(THREES, now)
        return
    with pytest.raises(FatalError, match="some"):
        here.run("ads", "manual__2")


@pytest.mark.parametrize("how", ["removed", "empty", "cut", "noise", "of another count", "too long"])
def test_damaged_rows_are_not_used(tmp_path: Path, how: str) -> None:
    here = world(tmp_path)
    path = staging(here) / refresh(here).rows_path
    body = path.read_bytes()
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        bits = bytearray(stream.read())
    if how == "removed":
        path.unlink()
    elif how in ("of another count", "too long"):
        bits[-1] ^= 1
        with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as stream:
            stream.write(bytes(bits) if how == "of another count" else bytes(bits) + b"\0")
    else:
        path.write_bytes({"empty": b"", "cut": body[: len(body) // 2], "noise": b"\x28noise" * 9}[how])
    assert delivered(here) == expected(THREES)


def test_a_table_that_was_recreated_is_searched_for_the_keys(tmp_path: Path) -> None:
    """Even if its files look as they did."""
    here = world(tmp_path)
    path = staging(here) / refresh(here).rows_path
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        pinned, _, bits = stream.read().partition(b"\n")
    of_another = json.dumps(json.loads(pinned) | {"table": "the one before"}).encode()
    with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as stream:
        stream.write(of_another + b"\n" + bits)
    forget_keys(here)
    with pytest.raises(FatalError, match="some"):
        here.run("ads", "manual__1")


def test_another_source_or_dataset_is_searched_for_the_keys(tmp_path: Path) -> None:
    """The same files, declared otherwise: the row numbers might mean other rows."""
    here = world(tmp_path)
    refresh(here)
    other = (
        (here.include / "catalog" / "datasets.yaml").read_text().replace("parquet, air", "parquet, expansion: 999, air")
    )
    here.declare({"catalog/datasets.yaml": other})
    assert delivered(here) == expected(THREES)
    forget_keys(here)
    with pytest.raises(FatalError, match="some"):
        here.run("ads", "manual__2")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_a_pinned_version_of_a_table(tmp_path: Path, kind: str) -> None:
    """A table that grows is searched only where it is new."""
    here = world(tmp_path)
    here.extra["catalog"] = CatalogAccess(properties=properties(here))
    delta = DeltaByHand.of(here)

    def append(*ids: int) -> None:
        delta.append(*ids)
        rows = pa.table({"id": pa.array(ids, pa.int64())})
        catalog(here).create_table_if_not_exists("web.d", schema=rows.schema).append(rows)

    export = (here.include / "exports" / "ads.yaml").read_text()
    here.declare(
        {
            "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {json.dumps(SOURCES[kind])}}}",
            "catalog/segments.yaml": "some: {dataset: people, where: id % 3 = 0}",
            "exports/ads.yaml": export.replace(str(FIELDS), "[{field: id, as: n}]"),
        }
    )
    append(*range(30))
    refresh(here)
    threes = [n for n in range(30) if n % 3 == 0]
    assert delivered(here, "manual__1") == threes
    append(0, 1, 3, 99)
    assert delivered(here, "manual__2") in ([*threes, 0, 3], [0, 3, *threes])
    refresh(here, "r2")
    forget_keys(here)
    assert sorted(delivered(here, "manual__3")) == sorted([*threes, 0, 3, 99])
    append(4)
    with pytest.raises(FatalError, match="some"):
        here.run("ads", "manual__4")


def test_a_dataset_without_rows(tmp_path: Path) -> None:
    here = world(tmp_path)
    for file in (here.root / "lake" / "people").iterdir():
        pq.write_table(PEOPLE.slice(0, 0), file)
    assert refresh(here).records == 0
    assert delivered(here) == []


def test_rows_of_a_copy_are_not_staged(tmp_path: Path) -> None:
    """A table with deleted rows is copied for each run, so no other run can pin what the refresh has read."""
    here = world(tmp_path)
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors"],
    }
    table = DeltaByHand.of(here, protocol=protocol)
    table.commit(table.add(pa.table({"id": list(range(9))}), deletionVector=marks(3)))
    here.declare(
        {
            "catalog/datasets.yaml": TABLE,
            "catalog/segments.yaml": "some: {dataset: people, where: id % 3 = 0}",
        }
    )
    assert refresh(here).rows is None
    assert not list(staging(here).rglob("*.rows"))


def test_a_file_that_changes_while_it_is_staged_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sluice.refresh import rows

    here = world(tmp_path)

    def changed(*_: Any, **__: Any) -> Any:
        raise FatalError("people: it was overwritten since the run pinned it")

    monkeypatch.setattr(rows, "select", changed)
    assert refresh(here).rows is None
    assert delivered(here) == expected(THREES)


def test_rows_of_the_last_two_refreshes_are_kept(tmp_path: Path) -> None:
    here = world(tmp_path)
    written = [refresh(here, f"r{number}") for number in range(4)]
    kept = sorted(path.name for path in staging(here).rglob("*.rows"))
    assert kept == sorted(Path(one.rows_path).name for one in written[-2:])
    assert len(list(staging(here).rglob("segments/some/*.parquet"))) == 4


def test_an_older_version_staged_no_rows(tmp_path: Path) -> None:
    here = world(tmp_path)
    refresh(here)
    pointer = staging(here) / "segments" / "some" / "current.json"
    older = json.loads(pointer.read_text())
    del older["rows"]
    pointer.write_text(json.dumps(older))
    assert delivered(here) == expected(THREES)


def spoil(file: Path) -> None:
    """Overwrite every page of a file without changing its fingerprint: reading its rows fails."""
    before, body = file.stat(), bytearray(file.read_bytes())
    footer = int.from_bytes(body[-8:-4], "little") + 8
    body[4:-footer] = bytes(len(body) - footer - 4)
    with file.open("r+b") as opened:
        opened.write(body)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("fields", [FIELDS, "[n, {field: mail, required: true}]"], ids=str)
def test_slices_without_a_member_are_not_read(tmp_path: Path, fields: Any) -> None:
    """By no step: a file whose bytes are wrong stops nobody who does not want its rows."""
    here = world(tmp_path, "where: n < 20 or n > 390", export=f"fields: {fields}")
    refresh(here)
    spoil(here.root / "lake" / "people" / "001.parquet")
    found = expected({*range(10), *range(195, 200)})
    assert delivered(here) == [n for n in found if fields is FIELDS or n % 5]
    without_rows(here, refreshed(here))
    with pytest.raises(FatalError, match=r"001\.parquet is corrupt"):
        here.run("ads", "manual__2")


@pytest.mark.parametrize("fields", [FIELDS, "[n, {field: mail, required: true}]"], ids=str)
def test_only_files_that_the_refresh_has_not_read_are_searched(tmp_path: Path, fields: Any) -> None:
    here = world(tmp_path, "where: n < 20", export=f"fields: {fields}")
    refresh(here)
    lake = here.root / "lake" / "people"
    spoil(lake / "002.parquet")
    added = PEOPLE.slice(0, 30).set_column(4, "n", pa.array(range(1000, 1030)))
    pq.write_table(added, lake / "-1.parquet")  # the first in the order of names
    pq.write_table(pq.read_table(lake / "000.parquet").slice(5), lake / "000.parquet")
    found = expected({*range(10)}, pa.concat_tables([added, PEOPLE.slice(5, 129), PEOPLE.slice(134, 134)]))
    mails = dict(zip(PEOPLE["n"].to_pylist(), PEOPLE["mail"].to_pylist(), strict=True))
    assert delivered(here) == [n for n in found if fields is FIELDS or mails[n % 1000]]
    forget_keys(here)
    with pytest.raises(FatalError, match="some"):
        here.run("ads", "manual__2")


def test_keys_of_another_type_are_searched_for(tmp_path: Path) -> None:
    """One file with wider keys gives the dataset another type of key: then no file is as it was."""
    here = world(tmp_path, "where: n < 20")
    narrow = PEOPLE.set_column(0, "id", PEOPLE["id"].cast(pa.int16()))
    here.dataset("people", narrow, files=3, row_group=50)
    refresh(here)
    added = here.root / "lake" / "people" / "004.parquet"
    pq.write_table(PEOPLE.slice(0, 9), added)
    assert delivered(here) == expected({*range(10)}, pa.concat_tables([PEOPLE, PEOPLE.slice(0, 9)]))
    spoil(added.with_name("002.parquet"))
    with pytest.raises(FatalError, match=r"002\.parquet is corrupt"):
        here.run("ads", "manual__2")


def test_members_by_another_key_are_not_delivered(tmp_path: Path) -> None:
    here = world(tmp_path)
    refresh(here)
    catalog = here.include / "catalog" / "datasets.yaml"
    here.declare({"catalog/datasets.yaml": catalog.read_text().replace("key: id", "key: n")})
    with pytest.raises(FatalError, match="of people by `n`, but its last refresh listed the members of people by `id`"):
        here.run("ads", "manual__1")
    refresh(here)
    assert delivered(here, "manual__2") == [row["n"] for row in PEOPLE.to_pylist() if row["score"] == 3]
