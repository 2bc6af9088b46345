"""The chart's own schema allows our values, and ours says of each key what the chart's says."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.conftest import OURS, VALUES

Schema = dict[str, Any]


def test_it_is_the_published_chart(archive: Path, chart: Any) -> None:
    assert f"{chart.name} {chart.version}" == OURS["title"]
    if archive.is_file():
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == OURS["x-sha256"]


def test_the_chart_allows_the_values(chart: Any) -> None:
    chart.validate_schema(VALUES)


@pytest.mark.parametrize(
    "path", [("images", "airflows"), ("redis", "enable"), ("workers", "kubernetes", "resources", "limit")]
)
def test_the_chart_refuses_others(chart: Any, path: tuple[str, ...]) -> None:
    values = copy.deepcopy(VALUES)
    place = values
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = {}
    with pytest.raises(Exception, match=r"(?i)additional propert"):
        chart.validate_schema(values)


def test_ours_is_a_part_of_it(folder: Path) -> None:
    theirs = json.loads((folder / "values.schema.json").read_text())
    assert list(_differences(OURS, theirs, theirs, "")) == []


def _differences(ours: Schema, theirs: Schema, root: Schema, path: str) -> Iterator[str]:
    """Where `ours` allows a key or a type that `theirs` does not."""
    theirs = _followed(theirs, root)
    if "type" in theirs and not _types(ours) <= _types(theirs):
        yield f"{path}: {_types(ours)}, and the chart says {_types(theirs)}"
    known, others = theirs.get("properties", {}), theirs.get("additionalProperties")
    for name, inner in ours.get("properties", {}).items():
        if name not in known and not isinstance(others, dict):
            yield f"{path}.{name} is not in the chart"
        else:
            yield from _differences(inner, known.get(name, others), root, f"{path}.{name}")
    if isinstance(inner := ours.get("additionalProperties"), dict):
        if isinstance(others, dict):
            yield from _differences(inner, others, root, f"{path}.*")
        else:
            yield f"{path}: any key, and the chart names them"


def _followed(schema: Schema, root: Schema) -> Schema:
    """The schema with what it refers to."""
    if "$ref" not in schema:
        return schema
    found: Any = root
    for name in schema["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return {**_followed(found, root), **{name: value for name, value in schema.items() if name != "$ref"}}


def _types(schema: Schema) -> set[str]:
    if "oneOf" in schema:
        return set().union(*map(_types, schema["oneOf"]))
    found = schema.get("type", [])
    types = {found} if isinstance(found, str) else set(found)
    return types | {"integer"} if "number" in types else types
