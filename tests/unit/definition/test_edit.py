"""One key changed in a file's text: everything else stays to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.definition.edit.key import put, take_out
from sluice.definition.edit.spell import spell
from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError

DAILY = {"daily": "06:00"}


def edited(text: str, value: Any = DAILY, key: str = "schedule", after: str = "") -> str:
    return put(text.encode(), "x.yaml", key, value, after=after).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("schedule: off\n", 'schedule: {daily: "06:00"}\n'),
        ("schedule: off  # for now\nowner: me\n", 'schedule: {daily: "06:00"}  # for now\nowner: me\n'),
        ("a: 1 # one\n# the end\n", 'a: 1 # one\nschedule: {daily: "06:00"}\n# the end\n'),
        ("a: 1", 'a: 1\nschedule: {daily: "06:00"}\n'),
        ("a:\n  - b\n  - c\n\n\n# end\n", 'a:\n  - b\n  - c\nschedule: {daily: "06:00"}\n\n\n# end\n'),
        ("a: |\n  b\n  c\n", 'a: |\n  b\n  c\nschedule: {daily: "06:00"}\n'),
        ("{a: 1}\n", '{a: 1, schedule: {daily: "06:00"}}\n'),
        ("{a: 1, schedule: off, b: 2}\n", '{a: 1, schedule: {daily: "06:00"}, b: 2}\n'),
        ("{a: 1,\n schedule: {weekly: [mon],\n  at: '05:00'}}\n", '{a: 1,\n schedule: {daily: "06:00"}}\n'),
        ("schedule:\n  weekly: [mon]\n  at: 05:00\nb: 2\n", 'schedule: {daily: "06:00"}\nb: 2\n'),
        (
            "a: 1\nschedule:  # why\n  # slow by day\n  weekly: [mon] # payday\n\n  at: 05:00\n\n# b\nb: 2\n",
            '# why\n# slow by day\n# payday\nschedule: {daily: "06:00"}\n\n# b\nb: 2\n'.join(["a: 1\n", ""]),
        ),
        ("schedule: &s off\r\nb: '2'\r\n", "schedule: {daily: \"06:00\"}\r\nb: '2'\r\n"),
        ("\ufeffa: 1\r\n", '\ufeffa: 1\r\nschedule: {daily: "06:00"}\r\n'),
        ("---\na: 1\n...\n", '---\na: 1\nschedule: {daily: "06:00"}\n...\n'),
        ("schedule:\nb: 2\n", 'schedule: {daily: "06:00"}\nb: 2\n'),
    ],
)
def test_the_rest_stays(before: str, after: str) -> None:
    assert edited(before) == after


def test_a_new_key_stands_below_the_one_it_belongs_to() -> None:
    assert edited("schedule: off # no\nb: 2\n", False, "enabled", "schedule") == (
        "schedule: off # no\nenabled: false\nb: 2\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\nschedule: off\nb: 2\n", "a: 1\nb: 2\n"),
        ("a: 1\nschedule: off", "a: 1\n"),
        ("a: 1\nschedule: off  # for now\nb: 2\n", "a: 1\n# for now\nb: 2\n"),
        ("a: 1\n# why\nschedule:\n  weekly: [mon] # payday\n\n# b\nb: 2\n", "a: 1\n# why\n# payday\n\n# b\nb: 2\n"),
        ("schedule: |\n  x\n  # y\nb: 2\n", "b: 2\n"),
        ("schedule:\nb: 2\n", "b: 2\n"),
        ("{a: 1, schedule: off, b: 2}\n", "{a: 1, b: 2}\n"),
        ("{a: 1, schedule: off}\n", "{a: 1}\n"),
        ("\ufeffschedule: off\r\nb: '2'\r\n", "\ufeffb: '2'\r\n"),
        ("a: 1 # no such key\n", "a: 1 # no such key\n"),
    ],
)
def test_a_key_is_taken_out_and_the_rest_stays(before: str, after: str) -> None:
    assert take_out(before.encode(), "x.yaml", "schedule").decode() == after


def test_a_key_that_others_need_is_not_taken_out() -> None:
    with pytest.raises(DefinitionError, match="`schedule` cannot be edited in this form"):
        take_out(b"schedule: &s off\nb: *s\n", "x.yaml", "schedule")


@pytest.mark.parametrize("text", ["a: &s {daily: '05:00'}\nschedule: *s\n", "schedule: &s off\nb: *s\n"])
def test_what_an_alias_shares_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError):
        edited(text)


LINES = {
    "kind": ["kind: dataset-export", "kind: 'dataset-export'  # of\t course"],
    "list": ["datasets: [a,\n  b] # two", "datasets:\n- a # one\n- b", "datasets:\n    # first\n    - a\n\n    - b"],
    "text": ["title: >\n  folded\n\n  text\n", "title: 'a: b # c'", 'title: "é\\n"', "title: |-\n  x # y"],
    "schedule": [
        "schedule: off",
        "schedule: 'with-refresh' #x",
        "schedule:\n  # why\n  every: 6 hours # often\n  at: 00:30",
        "schedule: {every: 6 hours,\n\n   at: '00:30'}",
        None,
    ],
    "wait": ["wait: {timeout: 2h}", "wait:\n  timeout: 2h\n\n  # never\n  on_failed: fail", None],
}


@pytest.mark.slow
@given(
    st.fixed_dictionaries({key: st.sampled_from(lines) for key, lines in LINES.items()}),
    st.permutations(list(LINES)),
    st.sampled_from(["\n", "\n\n", "\n# between\n"]),
    st.booleans(),
    st.sampled_from([DAILY, "off", True, {"weekly": ["mon", "thu"], "at": "05:00"}, {"cron": "*/5 * * * 1-5"}]),
)
def test_any_file_keeps_its_other_values_and_all_of_its_comments(
    lines: dict[str, str | None], order: list[str], gap: str, ends: bool, value: Any
) -> None:
    text = gap.join(found for key in order if (found := lines[key])) + ("\n" if ends else "")
    before, after = parse(text.encode(), "").value, edited(text, value)
    assert parse(after.encode(), "").value == {**before, "schedule": value}
    comments = [word for word in ("# why", "# often", "#x", "# of", "# two", "# one", "# never") if word in text]
    assert [word for word in comments if word not in after] == []
    assert after.count("# between") == text.count("# between")


@pytest.mark.slow
@given(
    st.fixed_dictionaries({key: st.sampled_from(lines) for key, lines in LINES.items()}),
    st.permutations(list(LINES)),
    st.sampled_from(["\n", "\n\n", "\n# between\n"]),
    st.booleans(),
    st.sampled_from(list(LINES)),
)
def test_any_key_is_taken_out_of_any_file(
    lines: dict[str, str | None], order: list[str], gap: str, ends: bool, key: str
) -> None:
    text = gap.join(found for one in order if (found := lines[one])) + ("\n" if ends else "")
    before, after = parse(text.encode(), "").value, take_out(text.encode(), "", key)
    assert parse(after, "").value == {name: value for name, value in before.items() if name != key}
    comments = [word for word in ("# why", "# often", "#x", "# of", "# two", "# one", "# never") if word in text]
    assert [word for word in comments if word not in after.decode()] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("off", '"off"'),
        ("12:30", '"12:30"'),
        ("true", '"true"'),
        ("6 hours", "6 hours"),
        ('a "b"', 'a "b"'),
        ('"b"', "'\"b\"'"),
        (3, "3"),
    ],
)
def test_values_are_quoted_where_they_need_it(value: Any, text: str) -> None:
    assert spell(value) == text
    assert parse(f"x: {text}".encode(), "").value == {"x": value}
