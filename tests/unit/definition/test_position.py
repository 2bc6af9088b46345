"""Values and places of YAML: what they are, against what was written and against another reader of YAML 1.2."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sluice.definition.yaml.parse import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse
from sluice.definition.yaml.position import Document
from sluice.definition.yaml.scalar import resolve
from sluice.errors import DefinitionError

text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"], exclude_characters="\ufeff"),
    max_size=20,
)
keys = text.filter(lambda key: key != "<<")
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)
mappings = st.dictionaries(keys, values, min_size=1, max_size=5)


def dumped(value: Any) -> str:
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.allow_unicode = True
    yaml.default_flow_style = False
    yaml.dump(value, out)
    return out.getvalue()


@pytest.mark.slow
@settings(deadline=None)
@given(mappings)
def test_json_means_what_it_says(value: dict[str, Any]) -> None:
    assert parse(json.dumps(value, ensure_ascii=False).encode(), "f").value == value


@pytest.mark.slow
@settings(deadline=None)
@given(mappings)
def test_agrees_with_another_reader_of_yaml_1_2(value: dict[str, Any]) -> None:
    written = dumped(value)
    assert parse(written.encode(), "f").value == YAML(typ="safe", pure=True).load(written) == value


@pytest.mark.slow
@settings(deadline=None)
@given(mappings)
def test_every_value_stands_where_the_tree_says(value: dict[str, Any]) -> None:
    """Cut the text at a leaf's place: what stands there is the leaf."""
    document = parse(json.dumps(value, ensure_ascii=False).encode(), "f")
    for path, node, _ in document.walk():
        place = document.place(path)
        standing = document.lines[place.line - 1][place.column - 1 :][: place.width]
        if isinstance(node.value, str):
            assert json.loads(standing) == node.value
        elif not isinstance(node.value, dict | list):
            assert resolve(standing) == node.value


@pytest.mark.slow
@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_document_or_a_definition_error(data: bytes) -> None:
    try:
        found: Document | DefinitionError = parse(data, "f.yaml")
    except DefinitionError as error:
        found = error
    if isinstance(found, Document):
        assert isinstance(found.value, dict)
    else:
        assert found.page().startswith("f.yaml:")
        assert found.next_step


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("off", "off"), ("no", "no"), ("Yes", "Yes"), ("12:30", "12:30"), ("2026-12-01", "2026-12-01"),
        ("true", True), ("False", False), ("NULL", None), ("~", None), ("", None), ("nUll", "nUll"),
        ("0", 0), ("-7", -7), ("+7", 7), ("0o17", 15), ("0x1F", 31), ("5_000_000", 5_000_000), ("1_00", "1_00"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1.2.3", "1.2.3"), ("-", "-"), ("1e", "1e"),
        ("-.inf", float("-inf")), ("9" * 5000, "9" * 5000), ("0b11", "0b11"), ("0123", "0123"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_words(written: str, meant: object) -> None:
    found = resolve(written)
    assert found == meant
    assert type(found) is type(meant)


def test_quoted_words_are_text() -> None:
    assert parse(b"a: '1'\nb: \"true\"\nc: |\n  2\n", "f").value == {"a": "1", "b": "true", "c": "2\n"}


def where(document: Document, *path: str | int, key: bool = False) -> tuple[int, int, int]:
    place = document.place(path, key=key)
    return place.line, place.column, place.width


def test_places_of_keys_values_and_what_is_not_there() -> None:
    document = parse("größe: 1\nlist:\n  - a: ['ß', bc]\n".encode(), "f")
    assert where(document, "größe") == (1, 8, 1)
    assert where(document, "größe", key=True) == (1, 1, 5)
    assert where(document, "list", 0, "a", 1) == (3, 14, 2)
    assert where(document, "list", 0, "missing") == (3, 5, 1)
    assert where(document, "list", 7) == (2, 1, 4)
    assert where(document, "missing") == (1, 1, 1)
    assert str(document.place(("list", 0, "a"), key=True)) == "f:3:5"


def test_an_alias_has_the_value_and_the_places_of_its_anchor() -> None:
    document = parse(b"a: &x {b: 1}\nc: *x\n", "f")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert where(document, "c", "b") == (1, 11, 1)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_are_counted_as_yaml_counts_them(newline: str) -> None:
    document = parse(newline.join(["a: 1", "", "b: x"]).encode(), "f")
    assert where(document, "b") == (3, 4, 1)
    assert document.place(("b",)).excerpt == "b: x"


@pytest.mark.slow
def test_limits_hold_exactly() -> None:
    filler = b"# " + b"x" * (MAX_BYTES - len(b"a: 1\n# \n")) + b"\n"
    assert parse(b"a: 1\n" + filler, "f").value == {"a": 1}
    with pytest.raises(DefinitionError, match="larger than 1 MiB"):
        parse(b"a: 11\n" + filler, "f")

    deep = MAX_DEPTH - 1
    assert parse(b"a: " + b"[" * deep + b"]" * deep, "f").value
    with pytest.raises(DefinitionError, match=f"more than {MAX_DEPTH} levels"):
        parse(b"a: " + b"[" * (deep + 1) + b"]" * (deep + 1), "f")

    many = f"a: &a [{', '.join('x' * 99)}]\nb: [{', '.join(['*a'] * 498)}]\n".encode()
    assert len(parse(many, "f").value["b"]) == 498
    with pytest.raises(DefinitionError, match=f"more than {MAX_NODES:,} values"):
        parse(many + b"c: [*a, *a]\n", "f")


@pytest.mark.slow
def test_a_megabyte_of_brackets_is_refused_at_once() -> None:
    with pytest.raises(DefinitionError, match="levels"):
        parse(b"a: " + b"[" * (MAX_BYTES - 10), "f")
