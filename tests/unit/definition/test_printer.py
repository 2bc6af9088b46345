"""New declarations as text: they read back as what they were, and look as people write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sluice.definition.declarations import TYPES, Declarations
from sluice.definition.edit.printer import text_of
from sluice.definition.edit.spell import spell
from sluice.definition.folder import CATALOG, Family
from sluice.definition.yaml.parse import parse

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
FOLDERS = [ROOT / "include", ROOT / "src/sluice/starter/include", *sorted(GOLDEN.glob("*/include"))]


def declared() -> Iterator[tuple[str, Family, dict[str, Any]]]:
    """Every declaration of this repository that is valid by itself."""
    for folder in FOLDERS:
        known = Declarations(folder)
        for family, shelf in known.shelves.items():
            for name in sorted(shelf.names()):
                declaration = shelf.get(name)
                if declaration and declaration.raw and known.get(family, name):
                    raw = known.settings.fill(declaration.raw) if family == "export" else declaration.raw
                    yield f"{folder.parent.name}-{family}-{name}", family, raw


@pytest.fixture(scope="module")
def every() -> list[tuple[str, Family, dict[str, Any]]]:
    return list(declared())


def model(family: Family, values: dict[str, Any]) -> Any:
    return TypeAdapter(TYPES[family]).validate_python({"name": "it", **values})


@pytest.mark.slow
def test_every_declaration_of_this_repository_reads_back(every: list[tuple[str, Family, dict[str, Any]]]) -> None:
    for case, family, raw in every:
        text = text_of(family, raw)
        again = parse(text.encode(), case).value
        assert model(family, again) == model(family, raw), case
        assert text_of(family, again) == text, case
    assert {family for _, family, _ in every} == set(TYPES)
    assert len(every) > 200


EXPORT = {
    "name": "building_customers",
    "enabled": True,
    "schedule": {"at": "06:00", "weekly": ["mon", "thu"], "end": date(2027, 12, 31), "timezone": None},
    "folder": "%DESTINATION%/%SEGMENT_NAME%",
    "fields": [
        {"field": "c_custkey"},
        {"as": "PHONE", "field": "c_phone", "hash": {"type": "sha256", "normalize": True}, "required": True},
        {"as": "SEGMENT", "sql": "case\n  when a then 'x'\n\n  else 'y'\nend"},
        {"as": "SOURCE", "value": "no", "mask": None},
    ],
    "segments": ["building-customers", "high-value"],
    "chunks": {"threads": 12, "records": 10000, "bytes": 512_000_000, "retry_delay": "2s"},
    "memory": "512MB",
    "time_limit": timedelta(hours=2),
    "connection": "partner-drop",
    "kind": "segment-export",
    "title": "Building trade: no. 1",
    "description": "All of them,\nand more\n",
    "retries": 2,
    "tags": [],
    "colour": {"red": [1, 2.5, None, True]},
    "format": {"template": "%1%\\t%2%\\r\\n", "type": "template"},
}
EXPORT_TEXT = """kind: segment-export
title: "Building trade: no. 1"
description: |
  All of them,
  and more
connection: partner-drop
segments: [building-customers, high-value]
fields:
  - c_custkey
  - {field: c_phone, as: PHONE, hash: sha256, required: true}
  - sql: |-
      case
        when a then 'x'

        else 'y'
      end
    as: SEGMENT
  - {value: "no", as: SOURCE}
format: {type: template, template: '%1%\\t%2%\\r\\n'}
chunks: {records: 10000, bytes: 512 MB}
memory: 512MB
folder: "%DESTINATION%/%SEGMENT_NAME%"
schedule: {weekly: [mon, thu], at: "06:00", end: 2027-12-31}
time_limit: 2h
colour: {red: [1, 2.5, null, true]}
"""


def test_an_export_looks_as_people_write_it() -> None:
    assert text_of("export", EXPORT) == EXPORT_TEXT


def test_a_default_of_the_project_is_overridden() -> None:
    values = {"kind": "dataset-export", "datasets": ["orders"], "retries": 2, "connection": "", "chunks": {"shards": 4}}
    assert text_of("export", values) == "kind: dataset-export\ndatasets: [orders]\n"
    assert text_of("export", values, defaults={"retries": 5, "connection": "drop", "chunks": {"shards": 8}}) == (
        'kind: dataset-export\nconnection: ""\ndatasets: [orders]\nchunks: {}\nretries: 2\n'
    )


def test_a_connection_starts_with_its_type() -> None:
    values = {"title": "Out", "limits": {"at_once": 2}, "folder": "f", "airflow_conn_id": "out", "type": "local"}
    assert text_of("connection", values) == (
        "type: local\ntitle: Out\nairflow_conn_id: out\nfolder: f\nlimits: {at_once: 2}\n"
    )


def test_a_segment_is_an_entry_of_its_file() -> None:
    values = {"name": "rich", "sql": "select id\nfrom people\n", "dataset": "people", "refreshed_by": "system_refresh"}
    text = text_of("segment", values)
    assert text == "rich:\n  dataset: people\n  sql: |\n    select id\n    from people\n"
    assert parse(text.encode(), "").value == {"rich": {"dataset": "people", "sql": values["sql"]}}


def test_what_is_too_long_for_a_line_has_a_line_for_each_value() -> None:
    fields = [f"column_number_{number}" for number in range(20)]
    text = text_of("export", {"kind": "segment-export", "segments": ["a"], "fields": fields})
    assert text.endswith("fields:\n" + "".join(f"  - {field}\n" for field in fields))
    columns = {"field": "x" * 60, "as": "y" * 60}
    text = text_of("export", {"kind": "segment-export", "segments": ["a"], "fields": [columns]})
    assert text.endswith(f"fields:\n  - field: {'x' * 60}\n    as: {'y' * 60}\n")


@pytest.mark.parametrize("values", [{"kind": "nonsense", "b": 1}, {"kind": ["x"], "retries": "many", "a": {}}])
def test_what_is_invalid_is_printed_so_that_the_check_can_say_so(values: dict[str, Any]) -> None:
    assert parse(text_of("export", values).encode(), "").value == values


PLAIN = (
    "Building trade",
    "2027-12-31",
    "0 6 * * mon-fri",
    "a 'b' \"c\"",
    "6 hours",
    "é 😀",
    "upper(a)",
    "512 MB",
    "a#b",
)
QUOTED = (
    *("", "off", "Yes", "n", "null", "~", "true", "12", "0123", "1_000", "1e3", "0x1f", ".5", ".inf", "=", "<<"),
    *("12:30", "06:00", "1:2:3.5", " a", "a ", "%A%", "@a", "`a`", "- a", "-", "? a", "a: b", "a #b", "#", "*a", "&a"),
    *("!a", "|", ">", "'a'", '"a"', "a\tb", "a\r\nb", "\x1b", "\u2028", "\ufeff", "\x85", "a\n\n", "[a]", "{a", "---"),
)


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_has_no_quotes_if_it_needs_none(text: str) -> None:
    assert spell(text, inside=False) == text


@pytest.mark.parametrize("text", QUOTED)
@pytest.mark.parametrize("inside", [True, False])
def test_a_text_has_quotes_if_a_reader_could_take_it_for_something_else(text: str, inside: bool) -> None:
    spelled = spell(text, inside=inside)
    assert spelled[0] in "'\""
    assert parse(f"x: {spelled}".encode(), "").value == {"x": text}
    assert yaml.safe_load(f"x: {spelled}") == {"x": text}


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
LINES = st.lists(st.sampled_from(["a", " b", "", "c ", "\td", "# e", "- f", "g: h", "---", "'", '"']), max_size=6)
TEXTS = TEXT | LINES.map("\n".join) | st.sampled_from([*PLAIN, *QUOTED])
SCALARS = TEXTS | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, width=32)
VALUES = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(TEXTS.filter(lambda key: key != "<<"), one, max_size=4),
)


@pytest.mark.slow
@given(st.dictionaries(TEXTS.filter(lambda key: key not in ("<<", "name", "kind")), VALUES, min_size=1, max_size=4))
def test_any_values_read_back(values: dict[str, Any]) -> None:
    """Without a kind no model is known, and nothing is a default."""
    text = text_of("export", values)
    assert parse(text.encode(), "").value == values
    assert yaml.safe_load(text) is not None


FIELDS = st.one_of(
    st.builds(lambda name: name, st.sampled_from(["a", "b c", "off"])),
    st.fixed_dictionaries(
        {"field": TEXTS},
        optional={"as": TEXTS, "required": st.booleans(), "mask": st.fixed_dictionaries({"with": st.just("#")})},
    ),
    st.fixed_dictionaries({"as": TEXTS.filter(bool), "value": SCALARS}),
)
EXPORTS = st.fixed_dictionaries(
    {
        "kind": st.just("segment-export"),
        "segments": st.lists(st.sampled_from(["a", "no", "y"]), min_size=1),
        "fields": st.lists(FIELDS, min_size=1, max_size=3),
    },
    optional={
        "connection": st.sampled_from(["", "drop", "off"]),
        "description": TEXTS,
        "folder": TEXTS,
        "retries": st.integers(0, 20),
        "retry_delay": st.sampled_from(["30s", "1m", "90 s", "1h 30m"]),
        "memory": st.sampled_from([None, "512 MB", "1 GiB", 10**9, 100_000_001]),
        "schedule": st.sampled_from(
            ["with-refresh", "off", {"daily": "06:00"}, {"after": "system_refresh"}, {"cron": "*/5 * * * *"}]
        ),
        "enabled": st.booleans(),
        "expect": st.fixed_dictionaries({}, optional={"max_deviation": st.just("50%"), "on_breach": st.just("refuse")}),
        "format": st.sampled_from([None, {"type": "csv"}, {"type": "csv", "delimiter": "|", "header": True}]),
        "tags": st.lists(st.sampled_from(["12", "a b", "no"])),
    },
)


@pytest.mark.slow
@given(EXPORTS)
def test_any_valid_export_reads_back(values: dict[str, Any]) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    again = parse(text_of("export", values).encode(), "").value
    assert model("export", again) == model("export", given)


def test_the_families_of_a_shared_file_are_entries(every: list[tuple[str, Family, dict[str, Any]]]) -> None:
    for family in CATALOG:
        values = next(raw for _, of, raw in every if of == family)
        text = text_of(family, {"name": "it", **values})
        assert model(family, parse(text.encode(), "").value["it"]) == model(family, values)
