"""Data-out exports as Customer Insights lays them out, read by Microsoft's own library and checked against the JSON
Schema that it publishes for `model.json`."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jsonschema
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from sluice.delivery.publish.model_json import data_type
from tests.builders import NOW, World

ROOT = Path(__file__).parents[2]
PEOPLE = pa.table(
    {
        "id": pa.array(range(5), pa.int64()),
        "name": ["Ann", 'Bob "B", jr.', None, "Zoë", ""],
        "born": pa.array([datetime(1980, 2, 29).date()] * 5),
        "seen": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 5, pa.timestamp("us", "UTC")),
        "at": pa.array([datetime(2026, 1, 1)] * 5, pa.timestamp("us")),
        "score": [0.5, 1.0, None, 2.5, 1e300],
        "member": [True, False, None, True, True],
    }
)
FILES = {
    "project.yaml": "{organization: acme, sandbox: prod}",
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          description: Everyone who has bought something
          columns: {name: {description: As on the last invoice}}
          source: {type: parquet, airflow_conn_id: lake, path: people}
        pets: {kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: pets}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/whole.yaml": """
        kind: data-out-export
        connection: out
        entities: [people, pets]
        description: Everything
        layout: customer-insights
        format: {type: csv, compression: none}
        chunks: {records: 2}
        """,
}
NAME = {"type": "string", "minLength": 1, "maxLength": 256, "pattern": r"^[^\s](.*[^\s])?$"}
TEXT = {"type": "string", "maxLength": 4000}
TYPES = [
    "unclassified",
    "string",
    "int64",
    "double",
    "date",
    "time",
    "dateTime",
    "dateTimeOffset",
    "decimal",
    "boolean",
]
TYPES += ["guid", "json"]
ANNOTATIONS = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": NAME, "value": {"type": "string"}}, "required": ["name"]},
}
CSV = {
    "type": "object",
    "properties": {
        "$type": {"const": "CsvFormatSettings"},
        "columnHeaders": {"type": "boolean"},
        "delimiter": {"type": "string"},
        "quoteStyle": {"enum": ["QuoteStyle.Csv", "QuoteStyle.None"]},
        "csvStyle": {"enum": ["CsvStyle.QuoteAlways", "CsvStyle.QuoteAfterDelimiter"]},
    },
    "required": ["$type"],
    "additionalProperties": False,
}
PARTITION = {
    "type": "object",
    "properties": {
        "name": NAME,
        "refreshTime": {"type": "string", "format": "date-time"},
        "location": {"type": "string", "format": "uri"},
        "fileFormatSettings": CSV,
    },
    "required": ["name"],
    "additionalProperties": False,
}
ATTRIBUTE = {
    "type": "object",
    "properties": {"name": NAME, "description": TEXT, "dataType": {"enum": TYPES}, "annotations": ANNOTATIONS},
    "required": ["name", "dataType"],
    "additionalProperties": False,
}
ENTITY = {
    "type": "object",
    "properties": {
        "$type": {"const": "LocalEntity"},
        "name": {**NAME, "pattern": r'^[^\s]([^."]*[^\s])?$'},
        "description": TEXT,
        "annotations": ANNOTATIONS,
        "attributes": {"type": "array", "items": ATTRIBUTE},
        "partitions": {"type": "array", "items": PARTITION},
    },
    "required": ["$type", "name", "attributes"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "application": {"type": "string"},
        "name": NAME,
        "description": TEXT,
        "version": {"enum": ["1.0"]},
        "culture": {"type": "string"},
        "modifiedTime": {"type": "string", "format": "date-time"},
        "entities": {"type": "array", "items": ENTITY},
    },
    "required": ["name", "version", "entities"],
    "additionalProperties": False,
}
"""What Microsoft's schema of `model.json` says about what we write, in its version of 2026; stricter, because it allows
no other keys."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", PEOPLE)
    world.dataset("pets", pa.table({"id": [1], "owner": [4]}))
    return world


def model_of(world: World) -> tuple[Path, dict[str, Any]]:
    [file] = (world.root / "out").rglob("model.json")
    return file.parent, json.loads(file.read_text(encoding="utf-8"))


def local(location: str) -> Path:
    return Path(url2pathname(urlsplit(location).path))


def test_microsofts_reader_finds_every_entity_and_row(world: World) -> None:
    world.run("whole")
    folder, _ = model_of(world)
    python = ROOT / ".servers" / "bin" / "python"
    script = ROOT / "tests" / "servers" / "read_model.py"
    done = subprocess.run([python, "-W", "ignore", script, folder], capture_output=True, text=True, check=True)
    read = json.loads(done.stdout)
    assert (read["name"], read["warnings"]) == ("whole", [])
    assert set(read["entities"]) == {"people", "pets"}
    people = read["entities"]["people"]
    assert people["attributes"] == {
        "id": "INT64", "name": "STRING", "born": "DATE", "seen": "DATE_TIME_OFFSET", "at": "DATE_TIME",
        "score": "DOUBLE", "member": "BOOLEAN",
    }  # fmt: skip
    assert len(people["partitions"]) == 3
    tables = []
    for location, settings in people["partitions"].items():
        assert settings["columnHeaders"] == "true"
        parse = pyarrow.csv.ParseOptions(delimiter=settings["delimiter"])
        types = pyarrow.csv.ConvertOptions(
            column_types=PEOPLE.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        tables.append(pyarrow.csv.read_csv(folder / location, parse_options=parse, convert_options=types))
    assert pa.concat_tables(tables).sort_by("id").equals(PEOPLE)


def test_the_folders_are_those_of_customer_insights(world: World) -> None:
    world.run("whole")
    due = f"{NOW:%Y/%m/%d/%H%M}"
    folder, model = model_of(world)
    assert folder == world.root / "out" / "CustomerInsights_prod" / "whole"
    assert sorted(path.name for path in folder.glob("manifest-*")) != []
    for entity in model["entities"]:
        for partition in entity["partitions"]:
            path = local(partition["location"]).relative_to(folder)
            assert re.fullmatch(rf"{entity['name']}/{due}/{entity['name']}_[0-9a-f-]{{36}}_\d{{5}}\.csv", str(path))


@pytest.mark.parametrize(
    "form", [{"type": "csv", "quoting": "all", "delimiter": "tab"}, {"type": "parquet"}, {"type": "json"}]
)
@pytest.mark.parametrize("layout", ["sluice", "customer-insights"])
def test_it_fits_the_published_schema(world: World, form: dict[str, Any], layout: str) -> None:
    declared = {
        "kind": "data-out-export",
        "connection": "out",
        "entities": ["people"],
        "format": form,
        "layout": layout,
    }
    world.declare({"exports/whole.yaml": json.dumps(declared)})
    world.run("whole")
    _, model = model_of(world)
    jsonschema.validate(model, SCHEMA, format_checker=jsonschema.FormatChecker())
    [entity] = model["entities"]
    assert entity["description"] == "Everyone who has bought something"
    assert [one["name"] for one in entity["attributes"]] == PEOPLE.schema.names
    assert [one.get("description") for one in entity["attributes"]] == [None, "As on the last invoice", *[None] * 5]
    for partition in entity["partitions"]:
        assert local(partition["location"]).is_file()
        assert ("fileFormatSettings" in partition) == (form["type"] == "csv")
    if form["type"] == "parquet":
        [partition] = entity["partitions"]
        assert pq.read_table(local(partition["location"])).num_rows == 5


def test_the_mapping_says_where_each_column_comes_from(world: World) -> None:
    world.run("whole")
    folder, _ = model_of(world)
    mapping = json.loads((folder / "mapping.json").read_text())
    assert mapping["export"] == "whole"
    [people, pets] = mapping["feeds"]
    assert people["source"] == {"type": "parquet", "airflow_conn_id": "lake"}
    assert people["columns"][0] == {"column": "id", "type": "int64", "field": "id", "transformation": "none"}
    assert [one["column"] for one in pets["columns"]] == ["id", "owner"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.uint64(), "decimal"), (pa.uint32(), "int64"), (pa.decimal128(10, 2), "decimal"), (pa.float32(), "double"),
        (pa.time64("us"), "time"), (pa.date32(), "date"), (pa.list_(pa.int64()), "json"), (pa.binary(), "string"),
        (pa.large_string(), "string"), (pa.dictionary(pa.int8(), pa.string()), "string"), (pa.bool_(), "boolean"),
        (pa.timestamp("ns"), "dateTime"), (pa.timestamp("s", "+02:00"), "dateTimeOffset"),
    ],
)  # fmt: skip
def test_types(kind: pa.DataType, name: str) -> None:
    assert data_type(kind) == name
    assert name in TYPES
