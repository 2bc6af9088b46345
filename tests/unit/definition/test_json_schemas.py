"""The JSON Schemas and the reference are those of the models, and the page's own examples hold."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sluice.commands.schema import written
from sluice.definition.load import load
from sluice.definition.models.macros import MACROS
from sluice.definition.schema.json_schema import schemas
from sluice.definition.schema.reference import BLOCKS
from sluice.definition.yaml.parse import parse, read
from sluice.destinations import DESTINATIONS
from sluice.formats import FORMATS
from sluice.sources import SOURCES

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
GOLDEN = ROOT / "tests" / "golden"
PAGE = (DOCS / "declarations.md").read_text(encoding="utf-8")
HOMES = {"connections": "connection", "exports": "export", "project.yaml": "project"}
HOMES |= {name: name for name in ("datasets", "segments", "refreshes")}


def kind_of(path: Path) -> str:
    """Which schema a file has, by where it lies."""
    return next(HOMES[part] for part in (path.name, path.stem, *reversed(path.parts)) if part in HOMES)


def wrong(kind: str, value: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(schemas()[kind])
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(value)))]


def sound_files() -> list[Path]:
    folders = [ROOT / "include", *(GOLDEN / name / "include" for name in ("_base", "good-defaults", "good-folders"))]
    parts = ("connections", "catalog", "exports")
    files = [path for folder in folders for part in parts for path in sorted((folder / part).rglob("*.yaml"))]
    files += [folder / "project.yaml" for folder in folders if (folder / "project.yaml").exists()]
    return [path for path in files if not any(part.startswith("_dr") for part in path.parts)]


@pytest.mark.slow
def test_what_is_written_is_what_the_models_say() -> None:
    stale = [str(path) for path, text in written(DOCS).items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `sluice schema --write docs`"


def test_each_kind_of_file_has_a_schema() -> None:
    assert sorted(schemas()) == sorted(set(HOMES.values()))


@pytest.mark.parametrize("name", sorted(set(HOMES.values())))
def test_a_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(schemas()[name])
    defined = set(re.findall(r'"#/definitions/(\w+)"', json.dumps(schemas()[name])))
    assert defined <= set(schemas()[name].get("definitions", {}))


@pytest.mark.parametrize("path", sound_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_sound_files_fit_their_schema(path: Path) -> None:
    assert wrong(kind_of(path), read(path).value) == []


@pytest.mark.parametrize(
    "file",
    [
        "key-unknown/include/exports/nightly.yaml",
        "key-unknown-in-connection/include/connections/acme.yaml",
        "kind-unknown/include/exports/nightly.yaml",
        "kind-missing/include/exports/nightly.yaml",
        "type-unknown/include/connections/acme.yaml",
        "type-unknown/include/exports/nightly.yaml",
        "value-of-another-type/include/exports/nightly.yaml",
        "value-out-of-range/include/exports/nightly.yaml",
        "value-unknown/include/exports/nightly.yaml",
        "value-missing/include/exports/nightly.yaml",
        "list-empty/include/exports/nightly.yaml",
        "name-inside/include/exports/nightly.yaml",
        "name-in-the-catalog/include/catalog/segments.yaml",
        "name-of-a-reference/include/exports/nightly.yaml",
        "key-missing/include/connections/acme.yaml",
        "key-missing/include/catalog/datasets.yaml",
        "settings-wrong/include/project.yaml",
        "defaults-wrong/include/project.yaml",
        "refresh-unknown/include/catalog/refreshes.yaml",
        "schedule-unknown/include/exports/nightly.yaml",
    ],
)
def test_an_editor_sees_the_mistake_too(file: str) -> None:
    assert wrong(kind_of(Path(file)), read(GOLDEN / file).value)


def test_the_page_has_every_block_type_and_macro() -> None:
    assert set(re.findall(r"<!-- begin (\w+) -->", PAGE)) == set(BLOCKS)
    for registry in (DESTINATIONS, FORMATS, SOURCES):
        assert all(f"#### `type: {name}`" in PAGE for name in registry)
    assert all(f"`%{name}%`" in PAGE for name in MACROS)


def test_the_page_s_examples_are_sound_together(tmp_path: Path) -> None:
    """Each YAML block stands below a heading that names its file."""
    places = {"connections/<name>.yaml": "connections/acme-s3.yaml", "exports/**/<name>.yaml": "exports/example.yaml"}
    found = re.findall(r"^## [^\n]*`([^\n`]+\.yaml)`\n\n```yaml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 6
    for heading, text in found:
        path = tmp_path / places.get(heading, heading)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        assert wrong(kind_of(path), parse(text.encode(), heading).value) == []
    loaded = load(tmp_path)
    assert [error.page() for error in loaded.errors] == []
    assert set(loaded.project.exports) == {"example"}


def test_the_first_line_for_editors_is_no_mistake(tmp_path: Path) -> None:
    (line,) = re.findall(r"^# yaml-language-server: .*$", PAGE, re.MULTILINE)
    shutil.copytree(GOLDEN / "_base" / "include", tmp_path, dirs_exist_ok=True)
    export = tmp_path / "exports" / "daily.yaml"
    export.write_text(f"{line}\n{export.read_text()}", encoding="utf-8")
    assert not load(tmp_path).errors
    assert (ROOT / "include" / "exports" / line.split("=")[1]).resolve().exists()
