"""One file never hides another: whatever lies in the folder, the others are read, and what is wrong is said of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.definition import check, declarations
from sluice.definition.errors.problem import Problem
from sluice.definition.load import Loaded, load, load_export
from sluice.definition.yaml import parse
from sluice.errors import DefinitionError

BASE = Path(__file__).parents[2] / "golden" / "_base" / "include"
SOUND = "kind: dataset-export\nconnection: drop\ndatasets: [orders]\n"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BASE, tmp_path / "include"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def pages(loaded: Loaded, file: str) -> list[str]:
    """What is said of a file, by its name."""
    return [error.page() for error in loaded.errors if error.place and error.place.file.endswith(file)]


HOSTILE = {
    "kind is a list": ("kind: [segment-export]\nconnection: drop\n", "`kind` must be text, not a list"),
    "kind is a mapping": ("kind: {a: 1}\nconnection: drop\n", "`kind` must be text, not a mapping"),
    "a misspelt macro beside a file": (SOUND + "folder: '%NOPE%'\nfile: '%RUN_ID%_%PART%'\n", "is not a macro"),
    "a tag of 101": (SOUND + f"tags: [{'x' * 101}]\n", "must have at most 100 characters, but has 101"),
    "an empty tag": (SOUND + "tags: ['']\n", "at least 1 character"),
    "a title of 2,001": (SOUND + f"title: {'x' * 2001}\n", "must have at most 2000 characters"),
    "an owner of 501": (SOUND + f"owner: {'x' * 501}\n", "must have at most 500 characters"),
    "a description of 16,001": (SOUND + f"description: {'x' * 16_001}\n", "must have at most 16000 characters"),
    "NUL": (SOUND + 'title: "a\\0b"\n', "the character NUL"),
    "a control character": (SOUND + 'owner: "a\\eb"\n', "the control character U+001B"),
    "a line break": (SOUND + 'title: "a\\nb"\n', "the control character U+000A"),
    "half a character": (SOUND + 'title: "a\\ud800b"\n', "invalid YAML"),
    "the last year": (SOUND + 'schedule: {daily: "04:00", start: 9999-12-31}\n', "outside the years 1971 to 2199"),
    "the first": (SOUND + 'schedule: {once: "0001-01-01T00:00+23:00"}\n', "outside the years 1971 to 2199"),
    "a long cron": (
        SOUND + f"schedule: {{cron: '{','.join(map(str, range(60)))} {'1,' * 20}1 * * *'}}\n",
        "longer than",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_one_export_holds_is_said_of_it_and_of_no_other(case: str, include: Path) -> None:
    text, says = HOSTILE[case]
    write(include / "exports" / "wrong.yaml", text)
    loaded = load(include)
    assert set(loaded.project.exports) == {"daily"}
    assert set(loaded.broken) == {"wrong"}
    assert len(loaded.errors) == 1
    [page] = pages(loaded, "wrong.yaml")
    assert says in page
    assert "next:" in page


def test_a_type_that_is_no_text(include: Path) -> None:
    write(include / "connections" / "wrong.yaml", "type: [local]\n")
    [page] = pages(load(include), "wrong.yaml")
    assert "`type` must be text, not a list" in page


def test_more_slots_than_a_pool_has(include: Path) -> None:
    write(include / "connections" / "wrong.yaml", f"type: local\nairflow_conn_id: x\nlimits: {{at_once: {2**31}}}\n")
    [page] = pages(load(include), "wrong.yaml")
    assert "must be at most 2147483647" in page


def test_an_id_of_a_dag_that_airflow_would_not_have(include: Path) -> None:
    write(include / "catalog" / "refreshes.yaml", "x: {type: dag, dag_id: '{{ 1 / 0 }}'}\n")
    [page] = pages(load(include), "refreshes.yaml")
    assert "`dag_id` cannot be `{{ 1 / 0 }}`" in page


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_out(path: Path) -> None:
    (path.parents[2] / "secret.txt").write_text("a line that nobody here may see\n")
    path.symlink_to(path.parents[2] / "secret.txt")


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nothing")


@pytest.mark.slow
@pytest.mark.parametrize("make", [_pipe, _device, _link_out, _circle, _dangling])
@pytest.mark.parametrize(
    "where", ["exports/odd.yaml", "connections/odd.yaml", "catalog/refreshes.yaml", "project.yaml"]
)
def test_only_regular_files_in_the_folder_are_read(make: Callable[[Path], None], where: str, include: Path) -> None:
    make(include / where)
    loaded = load(include)
    [page] = pages(loaded, where)
    assert "nobody here may see" not in page
    assert any(
        words in page for words in ("not a regular file", "outside the declarations folder", "cannot be read")
    ), page
    if where.endswith("odd.yaml"):  # `daily` needs the others
        assert set(loaded.project.exports) == {"daily"}


def test_a_pipe_that_is_opened_after_all_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a file when it was looked at."""
    _pipe(tmp_path / "x.yaml")
    monkeypatch.setattr(parse.stat, "S_ISREG", lambda mode: True)
    assert parse.read_bytes(tmp_path / "x.yaml") == b""


def test_links_that_stay_in_the_folder_are_read(include: Path) -> None:
    """As Kubernetes mounts the files of a ConfigMap."""
    data = include / "exports" / "..2026_01"
    write(data / "mounted.yaml", SOUND)
    (include / "exports" / "..data").symlink_to(data.name)
    (include / "exports" / "mounted.yaml").symlink_to("..data/mounted.yaml")
    loaded = load(include)
    assert not loaded.errors
    assert set(loaded.project.exports) == {"daily", "mounted"}


def test_a_folder_that_is_a_link_is_said(include: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "hidden.yaml", SOUND)
    (include / "exports" / "more").symlink_to(tmp_path / "elsewhere")
    [page] = pages(load(include), "more")
    assert "this folder is a link, so it is not read" in page


@pytest.mark.parametrize("name", ["exports", "connections", "catalog", "catalog/datasets"])
def test_a_file_in_the_place_of_a_folder_is_said(name: str, include: Path) -> None:
    shutil.rmtree(include / name, ignore_errors=True)
    (include / name).write_text("")
    assert "is not a folder" in pages(load(include), name)[0]


def test_exports_that_are_not_there_are_said(include: Path) -> None:
    shutil.rmtree(include / "exports")
    [error] = load(include).errors
    assert "does not exist" in error.page()
    assert "exports does not exist, so there are no exports" in error.page()


def test_a_catalog_by_another_ending_is_said(include: Path) -> None:
    (include / "catalog" / "segments.yaml").rename(include / "catalog" / "segments.yml")
    [page] = pages(load(include), "segments.yml")
    assert "rename it to segments.yaml" in page


def broken_rule(declared: Any, known: Any) -> Iterator[Problem]:
    if declared.name == "wrong":
        raise KeyError("a value of the file")
    yield from ()


def test_a_mistake_of_our_own_is_an_error_of_the_file_that_met_it(
    include: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(include / "exports" / "wrong.yaml", SOUND)
    monkeypatch.setitem(check.RULES, "export", (broken_rule,))
    monkeypatch.setitem(check.WARNINGS, "export", (broken_rule,))
    loaded = load(include)
    assert set(loaded.project.exports) == {"daily"}
    [page] = pages(loaded, "wrong.yaml")
    assert "a bug in Sluice prevents it from reading this: KeyError" in page
    assert "report this line" in page
    assert "a value of the file" not in page
    with pytest.raises(DefinitionError, match="KeyError"):
        load_export(include, "wrong")


def test_so_it_is_while_the_file_is_parsed_and_validated(include: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(include / "exports" / "wrong.yaml", SOUND)
    real = parse.parse
    monkeypatch.setattr(parse, "parse", lambda data, file: 1 / 0 if "wrong" in file else real(data, file))
    assert "ZeroDivisionError" in pages(load(include), "wrong.yaml")[0]
    monkeypatch.undo()
    valid = declarations._model
    monkeypatch.setattr(declarations, "_model", lambda f, raw: 1 / 0 if raw["name"] == "wrong" else valid(f, raw))
    loaded = load(include)
    assert "ZeroDivisionError" in pages(loaded, "wrong.yaml")[0]
    assert set(loaded.project.exports) == {"daily"}


SECOND = {
    "a wrong value and an unknown connection": (
        "kind: dataset-export\nconnection: drp\ndatasets: [orders]\nretries: many\n",
        ["no connection is named `drp`", "`retries` must be a whole number"],
    ),
    "a misspelt kind, and more": (
        "kind: dataset-exprt\nconnection: drp\nretries: many\n",
        ["`dataset-exprt` is not a known kind", "no connection is named `drp`", "`retries` must be a whole number"],
    ),
    "no kind, and more": ("connection: drop\nowner: 7\n", ["`kind` is missing", "`owner` must be text"]),
    "a key too much and two unknown names": (
        "kind: dataset-export\nconnection: drp\ndatasets: [ordrs]\nx: 1\n",
        ["no connection is named `drp`", "no dataset is named `ordrs`", "`x` is not a key"],
    ),
    "no fields and an unknown segment": (
        "kind: segment-export\nconnection: drop\nsegments: [rch]\n",
        ["`fields` is missing", "no segment is named `rch`"],
    ),
    "a wrong value and a wrong folder": (
        SOUND + "retries: many\nfolder: '%NOPE%'\n",
        ["`retries` must be a whole number", "`%NOPE%` is not a macro"],
    ),
    "its own name and a wrong value": (SOUND + "name: x\nretries: many\n", ["`name` is not a key", "`retries` must"]),
}


@pytest.mark.parametrize("case", SECOND)
def test_a_second_mistake_is_shown_with_the_first(case: str, include: Path) -> None:
    text, says = SECOND[case]
    write(include / "exports" / "wrong.yaml", text)
    found = pages(load(include), "wrong.yaml")
    assert len(found) == len(says), "\n\n".join(found)
    for words in says:
        assert any(words in page for page in found), words


def test_a_file_by_a_wrong_name_shows_what_is_in_it_too(include: Path) -> None:
    write(include / "exports" / "Bad Name.yaml", SOUND + "retries: many\n")
    assert [page.split("  ")[1].split("\n")[0] for page in pages(load(include), "Bad Name.yaml")] == [
        "`Bad Name` is not a valid name",
        "`retries` must be a whole number, not `many`",
    ]


def test_what_is_wrong_beside_a_secret_is_shown_and_the_secret_is_not(include: Path) -> None:
    write(include / "exports" / "wrong.yaml", SOUND + "retries: hunter2\npassword: hunter3\n")
    found = pages(load(include), "wrong.yaml")
    assert any("`retries` must be a whole number" in page for page in found)
    assert "hunter3" not in "".join(found)


def test_a_wrong_setting_makes_no_error_of_a_default(include: Path) -> None:
    write(include / "project.yaml", "sandbox: 7\ndefaults: {connection: drop}\n")
    write(include / "exports" / "plain.yaml", "kind: dataset-export\ndatasets: [orders]\n")
    assert pages(load(include), "plain.yaml") == []


@pytest.mark.slow
def test_a_thousand_exports_are_one_walk(include: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read grows with the exports, and not with their square."""
    from sluice.airflow.dags import export_dags

    for number in range(20):
        write(include / "exports" / f"e{number}.yaml", SOUND)
    walks: list[str] = []
    real = os.walk
    monkeypatch.setattr(os, "walk", lambda folder, **more: (walks.append(Path(folder).name), real(folder, **more))[1])
    reads: list[str] = []
    read = parse.read_bytes
    monkeypatch.setattr(parse, "read_bytes", lambda path, *more: (reads.append(path.name), read(path, *more))[1])
    assert len(list(export_dags(include, None))) == 21
    assert walks.count("exports") == 1
    assert len(reads) == len(set(reads))


@pytest.mark.slow
def test_far_more_names_than_a_page_shows_cost_no_minute(include: Path) -> None:
    """A word of a megabyte is compared by its beginning."""
    write(include / "exports" / "wrong.yaml", f"kind: dataset-export\nconnection: drop\n{'x' * 900_000}: 1\n")
    found = pages(load(include), "wrong.yaml")
    assert all(len(page) < 4000 for page in found)


@pytest.mark.slow
def test_of_many_names_few_are_compared_letter_by_letter(include: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand files that each misspell one of a thousand names are read in seconds, with the right advice."""
    from sluice.definition.errors import problem

    entry = "{kind: profile, key: k, source: {type: parquet, airflow_conn_id: lake, path: p}}"
    names = [f"dataset_of_{number}" for number in range(300)]
    write(include / "catalog" / "datasets" / "many.yaml", "".join(f"{name}: {entry}\n" for name in [*names, "wholly"]))
    write(include / "exports" / "wrong.yaml", "kind: dataset-export\nconnection: drop\ndatasets: [wholy]\nmode: full\n")
    compared: list[str] = []
    matcher = problem.SequenceMatcher
    monkeypatch.setattr(problem, "SequenceMatcher", lambda j, a, b: (compared.append(b), matcher(j, a, b))[1])
    [page] = pages(load(include), "wrong.yaml")
    assert "did you mean: wholly" in page
    assert "and 294 more" in page
    assert len(compared) <= 100
