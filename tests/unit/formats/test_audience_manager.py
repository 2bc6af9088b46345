"""Inbound files for Audience Manager: what a line is, and which rows are refused, with the reason."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sluice.delivery.row_rules.trial import Trial
from sluice.errors import DefinitionError, FatalError
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.testing.formats import write

ECID = "59767559181262060060278870901087098252"


def inbound(**keys: Any) -> Format:
    return FORMATS["audience-manager"].model_validate({"type": "audience-manager", "compression": "none"} | keys)


def lines(declared: Format, **columns: Any) -> list[str]:
    table = pa.table(columns)
    declared.check(table.schema)
    return write(declared, table).decode().splitlines()


def reasons(declared: Format, **columns: Any) -> list[str | None]:
    table = pa.table(columns)
    found: list[str | None] = declared.refusals(table, table.schema).to_pylist()  # type: ignore[union-attr]
    return found


def test_the_documented_forms() -> None:
    assert lines(inbound(traits=["d_sid=24", "d_unsid=28"]), user=[ECID]) == [f"{ECID}\td_sid=24,d_unsid=28"]
    assert lines(inbound(traits=["ic=52"]), user=["DBwFo"], gender=["m"]) == ['DBwFo\tic=52,"gender"="m"']
    several = {"user": ["a", "b"], "on": [[24, 26], []], "off": [[28], None], "codes": [["x"], ["y", None, "z"]]}
    declared = inbound(forms={"on": "d_sid", "off": "d_unsid", "codes": "list"})
    assert lines(declared, **several) == ["a\td_sid=24,d_sid=26,d_unsid=28,x", "b\ty,z"]
    assert lines(inbound(forms={"off": "d_unsid"}, removes=":-1"), user=["a"], off=[[28, 29]]) == ["a\t28:-1,29:-1"]
    assert lines(inbound(forms={"pid": "off"}, traits=["ic=1"]), user=["a"], pid=["p"]) == ["a\tic=1"]


def test_what_is_empty_is_left_out() -> None:
    assert lines(inbound(), user=["a"], x=[""], y=[None], z=["1"]) == ['a\t"z"="1"']


@pytest.mark.parametrize(("removes", "gone"), [("d_unsid", "d_unsid=24"), (":0", "24:0"), (":-1", "24:-1")])
def test_removed_members_lose_the_trait(removes: str, gone: str) -> None:
    kinds = ["added", "changed", "removed"]
    found = lines(
        inbound(traits=["d_sid=24"], removes=removes), user=["a", "b", "c"], x=["1", "2", None], _change=kinds
    )
    assert found == ['a\td_sid=24,"x"="1"', 'b\td_sid=24,"x"="2"', f"c\t{gone}"]


KINDS = {
    "aam-uuid": ([ECID], [ECID[1:], ECID + "1", "x" * 38, "٣" * 38]),
    "dpuuid": (["ann@example.com", "50%", "%3", "%3b", "%%3", ECID], ["a:b", "a%3Ab", "a%3ab", ":"]),
    "idfa": (["6D92078A-8246-4BA4-AE5B-76104861E7DC"], ["6d92078a-8246-4ba4-ae5b-76104861e7dc", "6D92078A"]),
    "gaid": (["97987bca-ae59-4c7d-94ba-ee4f19ab8c21"], ["97987BCA-AE59-4C7D-94BA-EE4F19AB8C21", ECID]),
    "roku": (["97987bca-ae59-4c7d-94ba-ee4f19ab8c21", "97987BCA-AE59-4C7D-94BA-EE4F19AB8C21"], [ECID]),
    "any": (["a:b", ECID, "é"], []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_the_wrong_kind_are_refused(kind: str) -> None:
    right, wrong = KINDS[kind]
    wrong = [*wrong, "", " a", "a ", "a\tb", "a\nb", "a\x00", *([] if kind == "any" else ["\u2028:"])]
    found = reasons(inbound(user_id_kind=kind, traits=["ic=1"]), user=[*right, *wrong, None])
    assert found[: len(right)] == [None] * len(right)
    assert all(found[len(right) :])


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("key-value", ["New York, NY", "a=b", "é"], ['a"b', "a\tb", "a\nb", "a\rb"]),
        ("d_sid", ["24", ""], ["x", "2 4", "24,25", "-1", "1" * 19]),
        ("ic", ["a=b"], ["a,b", 'a"', "a\tb"]),
        ("list", ["abc"], ["a,b", "a=b", "a:0"]),
    ],
)
def test_values_that_are_no_traits_are_refused(form: str, right: list[str], wrong: list[str]) -> None:
    declared = inbound(forms={"x": form}, traits=["ic=1"])
    found = reasons(declared, user=["u"] * len([*right, *wrong]), x=[*right, *wrong])
    assert found[: len(right)] == [None] * len(right)
    assert all(one and one.startswith("column `x` contains ") for one in found[len(right) :])


def test_a_line_is_no_longer_than_audience_manager_reads() -> None:
    longest = 102_400 - len('u\t"x"=""')
    assert reasons(inbound(), user=["u"] * 3, x=["a" * longest, "a" * (longest + 1), "é" * (longest // 2 + 1)]) == [
        None,
        "the line has more than 102,400 bytes",
        "the line has more than 102,400 bytes",
    ]


def test_a_row_without_a_trait_is_refused() -> None:
    assert reasons(inbound(), user=["a"], x=[None]) == ["the row has no trait"]
    with pytest.raises(FatalError, match="the row has no trait: 1 of 2 rows"):
        write(inbound(), pa.table({"user": ["a", "b"], "x": [None, "1"]}))


@pytest.mark.parametrize(
    ("keys", "columns", "said"),
    [
        ({"user_id": "ecid"}, ["user", "x"], "no field `ecid`"),
        ({"forms": {"y": "ic"}}, ["user", "x"], "no field `y`"),
        ({"forms": {"user": "ic"}}, ["user", "x"], "is the visitor's id"),
        ({}, ["user"], "no trait to write"),
        ({}, ["user", 'x"'], "a quote"),
        ({}, ["user", "-x"], "dash"),
    ],
)
def test_declarations_that_cannot_work(keys: dict[str, Any], columns: list[str], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        inbound(**keys).check(pa.schema([(name, pa.string()) for name in columns]))


@pytest.mark.parametrize("trait", ["24", "d_sid=", "d_sid=0", "ic=a,b", "d_sid=24,d_sid=25", "d_sid=24\t"])
def test_a_constant_is_one_trait(trait: str) -> None:
    with pytest.raises(ValidationError, match="not a trait"):
        inbound(traits=[trait])


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["a:b", "%3A", 'q"'])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12))
def test_what_is_refused_is_what_cannot_be_written(rows: list[tuple[str | None, str | None]]) -> None:
    """The check of all rows at once gives the reasons that encoding gives row by row."""
    schema = pa.schema([("u", pa.string()), ("x", pa.string())])
    declared, table = inbound(), pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)
    told = Trial(declared, table.schema).refused(table)
    for number, row in enumerate(rows):
        one = table.slice(number, 1)
        if number in set(told.rows.tolist()):
            with pytest.raises(FatalError):
                write(declared, one)
        else:
            assert write(declared, one).decode() == f'{row[0]}\t"x"="{row[1]}"\n'


def test_an_id_sync_has_one_line_for_each_visitor() -> None:
    declared = inbound(content="ids", user_id_kind="aam-uuid", kinds={"app": "gaid"})
    app = "97987bca-ae59-4c7d-94ba-ee4f19ab8c21"
    assert lines(declared, ecid=[ECID], app=[app], crm=["XYZ_1"]) == [f"{ECID}\t{app}\tXYZ_1"]
    assert reasons(declared, ecid=[ECID, "1", ECID], app=[None, app, app], crm=["a", "b", "c "]) == [
        "column `app` has no visitor's id",
        "column `ecid` is not 38 digits",
        "column `crm` starts or ends with a space",
    ]


@pytest.mark.parametrize("keys", [{"traits": ["ic=1"]}, {"forms": {"x": "ic"}}, {"user_id": "x"}])
def test_an_id_sync_has_no_traits(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="every field is an id"):
        inbound(content="ids", **keys)


@pytest.mark.parametrize(
    ("kinds", "columns", "said"),
    [({}, ["a"], "two ids"), ({"z": "gaid"}, ["a", "b"], "no field `z`"), ({}, ["a", "_change"], "is no id")],
)
def test_ids_that_cannot_be_synced(kinds: dict[str, str], columns: list[str], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        inbound(content="ids", kinds=kinds).check(pa.schema([(name, pa.string()) for name in columns]))
