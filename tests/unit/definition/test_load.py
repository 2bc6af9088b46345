"""Reading a folder: what is sound, what is broken, and by what."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sluice.definition.declarations import Declarations
from sluice.definition.load import declaration_text, find, load, load_export, place_of
from sluice.definition.models.catalog import SystemRefresh
from sluice.definition.yaml import parse
from sluice.errors import DefinitionError

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and path.name[0] not in "_.")
DATASETS = "kind: dataset-export\nconnection: drop\ndatasets: [orders]\n"

Write = Callable[[str, str], None]


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """A small sound project."""
    shutil.copytree(GOLDEN / "_base" / "include", tmp_path / "include")
    return tmp_path / "include"


@pytest.fixture
def write(include: Path) -> Write:
    def written(name: str, text: str) -> None:
        path = include / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return written


def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on."""
    seen: list[str] = []
    real = parse.read
    monkeypatch.setattr(parse, "read", lambda path, *more: (seen.append(path.name), real(path))[1])
    return seen


def test_a_sound_folder(include: Path) -> None:
    loaded = load(include)
    assert not loaded.errors
    assert not loaded.broken
    assert set(loaded.project.exports) == {"daily"}
    assert loaded.project.exports["daily"].connection == "drop"
    assert loaded.project.connections["drop"].destination.folder == "drop"
    assert loaded.counts == {"connection": 1, "dataset": 3, "segment": 2, "refresh": 1, "export": 1}


def test_the_system_refresh_is_there_without_a_file(include: Path, write: Write) -> None:
    assert load(include).project.refreshes["system_refresh"] == SystemRefresh(name="system_refresh", type="system")
    write("catalog/refreshes.yaml", "system_refresh: {type: system, schedule: {cron: 0 4 * * *}}\n")
    assert load(include).project.refreshes["system_refresh"].schedule != "off"


BETWEEN_EXPORTS = {"file-clash", "file-turns"}
"""Cases of a mistake that one export alone does not show. A task that starts reads one; it claims its file names."""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_one_export_is_read_as_the_folder_is(case: str, tmp_path: Path) -> None:
    """`load_export` gives what `load` gives, or raises the first of what `load` calls broken: in every golden case."""
    for source in (GOLDEN / "_base", GOLDEN / case):
        if (source / "include").exists():
            shutil.copytree(source / "include", tmp_path, dirs_exist_ok=True)
    loaded = load(tmp_path)
    for name, export in loaded.project.exports.items():
        project, found = load_export(tmp_path, name)
        assert found == export
        assert project.connections == {found.connection: loaded.project.connections[found.connection]}
        assert project.segments.items() <= loaded.project.segments.items()
        assert project.datasets.items() <= loaded.project.datasets.items()
    for name, errors in loaded.broken.items():
        if case in BETWEEN_EXPORTS:
            continue
        with pytest.raises(DefinitionError) as caught:
            load_export(tmp_path, name)
        assert caught.value.what == errors[0].what
        assert caught.value.place == errors[0].place
    for name, export in loaded.project.detached.items():
        assert find(Declarations(tmp_path), name)[1] == export
        with pytest.raises(DefinitionError, match=f"export {name} has no connection: it does not run"):
            load_export(tmp_path, name)
    kinds = (loaded.broken, loaded.project.exports, loaded.project.detached)
    assert sum(map(len, kinds)) == len(set().union(*kinds))


def test_one_export_has_all_that_it_refers_to(include: Path, write: Write) -> None:
    write("catalog/refreshes.yaml", "load_lake: {type: dag, dag_id: load_lake}\nother: {type: dag, dag_id: other}\n")
    write(
        "catalog/segments/more.yaml",
        "rich: {dataset: customer, where: 'true', reads: [buyers]}\n"
        "buyers: {dataset: customer, where: 'true', reads: [orders], refreshed_by: load_lake}\n",
    )
    write("exports/rich.yaml", "kind: segment-export\nconnection: drop\nsegments: [rich]\nfields: [c_name]\n")
    project, _ = load_export(include, "rich")
    assert set(project.segments) == {"rich", "buyers"}
    assert set(project.datasets) == {"customer", "orders"}
    assert set(project.refreshes) == {"system_refresh", "load_lake"}
    assert set(project.exports) == {"rich"}


def test_one_export_reads_no_other_export_and_no_other_connection(
    include: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("exports/other.yaml", DATASETS)
    write("connections/other.yaml", "type: local\n")
    seen = read_files(monkeypatch)
    load_export(include, "daily")
    assert sorted(seen) == ["daily.yaml", "datasets.yaml", "drop.yaml", "segments.yaml"]


def test_a_folder_reads_each_file_once(include: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        write(f"exports/e{number}.yaml", DATASETS)
    seen = read_files(monkeypatch)
    load(include)
    assert sorted(seen) == sorted({*seen})
    assert len(seen) == 9


def test_an_unknown_export_is_an_error_with_the_nearest_name(include: Path) -> None:
    with pytest.raises(DefinitionError, match="no export is named `dayly`") as caught:
        load_export(include, "dayly")
    assert caught.value.nearest == "daily"


def test_several_errors_are_raised_as_the_first_with_a_count(include: Path, write: Write) -> None:
    write("exports/nightly.yaml", DATASETS + "retries: many\nowner: 1\n")
    with pytest.raises(DefinitionError, match="`sluice check` shows 1 more"):
        load_export(include, "nightly")


def test_a_default_is_replaced_as_a_whole_and_errors_in_it_point_into_its_file(include: Path, write: Write) -> None:
    write("project.yaml", "defaults:\n  chunks: {records: 10, threads: 3}\n  retry_delay: 1m\n  entities: [customer]\n")
    write("exports/nightly.yaml", DATASETS + "chunks: {records: 20}\n")
    exports = load(include).project.exports
    assert (exports["daily"].chunks.records, exports["daily"].chunks.threads) == (10, 3)
    assert (exports["nightly"].chunks.records, exports["nightly"].chunks.threads) == (20, 12)
    assert exports["nightly"].retry_delay == timedelta(minutes=1)

    write("project.yaml", "defaults:\n  chunks: {records: none}\n")
    loaded = load(include)
    (error,) = loaded.errors
    assert str(error.place).endswith("project.yaml:2:21")
    assert set(loaded.broken) == {"daily"}, "nightly has chunks of its own"


def test_a_wrong_default_is_an_error_even_where_no_export_takes_it(include: Path, write: Write) -> None:
    write("project.yaml", "defaults:\n  entities: customer\n  fields: [a, {}]\n")
    loaded = load(include)
    assert [str(error.place)[-17:] for error in loaded.errors] == ["project.yaml:2:13", "project.yaml:3:15"]
    assert not loaded.broken


@pytest.mark.parametrize("bad", ["", "kind: [\n", "kind: x\n", "a: &a [*a]\n", "\tx", DATASETS + "x: 1\n", "\x00"])
def test_a_bad_file_never_hides_another_export(include: Path, write: Write, bad: str) -> None:
    write("exports/bad.yaml", bad)
    loaded = load(include)
    assert set(loaded.project.exports) == {"daily"}
    assert set(loaded.broken) == {"bad"}
    assert loaded.errors == loaded.broken["bad"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("connections/drop.yaml", "type: local\n"),
        ("catalog/datasets.yaml", "customer: {kind: profile}\n"),
        ("catalog/segments.yaml", "high-value: {dataset: customer}\n"),
        ("catalog/refreshes.yaml", "system_refresh: {type: system, schedule: x}\n"),
        ("project.yaml", "sandbox: 5\n"),
    ],
)
def test_an_export_is_broken_by_what_it_refers_to(include: Path, write: Write, file: str, text: str) -> None:
    write(file, text)
    loaded = load(include)
    assert "daily" in loaded.broken
    assert any(error.place and error.place.file.endswith(file) for error in loaded.broken["daily"])


def test_what_refers_to_something_broken_is_not_in_the_project(include: Path, write: Write) -> None:
    write("catalog/segments.yaml", "a: {dataset: customer, where: 'true', reads: [b]}\nb: {dataset: customer}\n")
    assert not load(include).project.segments


def test_no_folder_is_an_error_and_not_an_exception(tmp_path: Path) -> None:
    loaded = load(tmp_path / "nowhere")
    assert [error.what for error in loaded.errors] == [f"the folder {tmp_path / 'nowhere'} does not exist"]


def test_an_unreadable_file_is_an_error(include: Path) -> None:
    (include / "exports" / "loop.yaml").symlink_to(include / "exports" / "loop.yaml")
    (error,) = load(include).errors
    assert "the file cannot be read" in error.what
    assert set(load(include).broken) == {"loop"}


def test_the_place_of_a_subject(include: Path, write: Write) -> None:
    write("project.yaml", "defaults:\n  format: {type: json}\n")
    assert str(place_of(include, ("exports", "daily", "fields", 1))).endswith("exports/daily.yaml:4:21")
    assert str(place_of(include, ("exports", "daily", "format", "type"))).endswith("project.yaml:2:18")
    assert str(place_of(include, ("datasets", "orders"))).endswith("catalog/datasets.yaml:6:1")
    assert str(place_of(include, ("segments", "high-value", "where"))).endswith("catalog/segments.yaml:3:10")
    assert place_of(include, ("exports", "nothing")) is None
    assert place_of(include, ("fields", 1)) is None
    assert place_of(include, ()) is None


def test_the_text_of_a_declaration(include: Path, write: Write) -> None:
    assert declaration_text(Declarations(include), "daily") == (include / "exports/daily.yaml").read_text()
    write("exports/daily.yaml", DATASETS + "password: hunter2\n")
    assert "hunter2" not in declaration_text(Declarations(include), "daily")
