"""What tells a pinned file from what stands under its name later: its footer, or its content too."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.delivery.resend import load_run
from sluice.errors import FatalError
from sluice.sources import SOURCES
from sluice.sources.base import Source
from sluice.sources.fingerprint import is_same
from sluice.sources.parquet_files import ParquetFiles
from tests.builders import World

EXPORT = "{kind: data-out-export, connection: out, entities: [d], format: {type: csv, compression: none}}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def put(world: World) -> Path:
    """A file whose footer tells nothing of its values."""
    path = world.root / "lake/d/1.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"write_statistics": False, "use_dictionary": False, "compression": "none"}
    pq.write_table(pa.table({"v": ["old value"] * 300}), path, row_group_size=100, **options)
    return path


def overwrite(path: Path) -> None:
    """Another value in the same place, and nothing else that shows."""
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"old value", b"new value"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def source(world: World, by: str = "content", **declared: object) -> Source:
    kind: dict[str, Any] = {"type": "parquet", "airflow_conn_id": "lake", "path": "d", "fingerprint": by} | declared
    return SOURCES[kind["type"]].model_validate(kind).open(world, dataset="d")


def test_a_footer_does_not_see_what_neither_size_nor_time_nor_statistics_show(world: World) -> None:
    path = put(world)
    pinned = source(world, "footer").pin()
    overwrite(path)
    later = source(world, "footer")
    assert later.intact(pinned)
    (table,) = later.read(pinned, pinned.slices[0], None)
    assert table["v"][0].as_py() == "new value"


def test_content_sees_it_before_anything_is_read(world: World) -> None:
    path = put(world)
    pinned = source(world).pin()
    assert source(world).intact(pinned)
    overwrite(path)
    later = source(world)
    assert not later.intact(pinned)
    with pytest.raises(FatalError, match=r"d/1\.parquet has other bytes than those that the run pinned"):
        list(later.read(pinned, pinned.slices[0], None))


def test_content_sees_it_while_a_query_scans(world: World) -> None:
    path = put(world)
    opened = source(world)
    with pytest.raises(FatalError, match="was overwritten or removed while it was read"), opened.scan(opened.pin()):
        overwrite(path)


def test_content_is_read_once_for_all_slices_and_threads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world)
    pinned = source(world).pin()
    digests: list[str] = []
    own = ParquetFiles._digest
    monkeypatch.setattr(ParquetFiles, "_digest", lambda self, name: (digests.append(name), own(self, name))[1])
    later = source(world)
    with ThreadPoolExecutor(6) as threads:
        read = list(threads.map(lambda piece: list(later.read(pinned, piece, None)), pinned.slices * 12))
    assert len(read) == 12
    assert digests == ["d/1.parquet"]


@pytest.mark.parametrize("by", ["footer", "content"])
def test_files_of_a_delta_table_may_be_told_by_content(world: World, by: str) -> None:
    deltalake.write_deltalake(world.root / "lake/d", pa.table({"v": [1]}))
    pinned = source(world, by, type="delta").pin()
    assert [", content " in fingerprint for fingerprint in pinned.units.values()] == [by == "content"]


def test_looking_at_content_from_now_on_makes_no_file_new(world: World) -> None:
    """An incremental export would deliver everything again."""
    path = put(world)
    old, new = source(world, "footer"), source(world)
    for before, after in ((old, new), (new, old), (new, new)):
        assert after.added(after.pin(), before.position(before.pin())).slices == ()  # type: ignore[attr-defined]
    position = new.position(new.pin())  # type: ignore[attr-defined]
    overwrite(path)
    assert len(source(world).added(source(world).pin(), position).slices) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a, footer b", "a, footer b", True),
        ("a, footer b", "a, footer c", False),
        ("a, footer b, content x", "a, footer b", True),
        ("a, footer b, content x", "a, footer b, content x", True),
        ("a, footer b, content x", "a, footer b, content y", False),
        ("", "a, footer b", False),
    ],
)
def test_fingerprints_are_compared_as_far_as_both_tell(one: str, other: str, same: bool) -> None:
    assert is_same(one, other) is same
    assert is_same(other, one) is same


class TestRuns:
    @pytest.fixture
    def path(self, world: World) -> Path:
        declared = "{type: parquet, airflow_conn_id: lake, path: d, fingerprint: content}"
        world.declare(
            {
                "catalog/datasets.yaml": f"d: {{kind: profile, key: v, source: {declared}}}",
                "connections/out.yaml": "{type: local, airflow_conn_id: out}",
                "exports/all.yaml": EXPORT,
            }
        )
        return put(world)

    @pytest.mark.slow
    def test_a_retry_of_extract_pins_what_is_there_now(self, world: World, path: Path) -> None:
        world.extract("all")
        overwrite(path)
        world.upload(staged := world.extract("all"))
        world.publish(staged)
        (part,) = [name for name in world.delivered() if name.endswith(".csv")]
        assert "old value" not in (world.root / "out" / part).read_text()

    def test_a_retry_of_upload_does_not_read_other_bytes(self, world: World, path: Path) -> None:
        staged = world.extract("all")
        overwrite(path)
        with pytest.raises(FatalError, match="has other bytes than those that the run pinned"):
            world.upload(staged)
        assert world.delivered() == []

    @pytest.mark.slow
    def test_a_resend_does_not_send_other_bytes(self, world: World, path: Path) -> None:
        world.run("all", "manual__1")
        delivered = {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}
        assert load_run(world.plan("all").staging, "all", "manual__1", world).records == 300
        overwrite(path)
        with pytest.raises(FatalError, match="can no longer be read"):
            load_run(world.plan("all").staging, "all", "manual__1", world)
        assert {name: (world.root / "out" / name).read_bytes() for name in world.delivered()} == delivered
