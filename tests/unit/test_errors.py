"""An error is a small page: where, what, the nearest valid value, the known ones, what to do next."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import errors
from sluice.errors import (
    SHOWN,
    DefinitionError,
    FatalError,
    Place,
    RetriableError,
    Skipped,
    SluiceError,
    UnknownOutcomeError,
)

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, SluiceError)]


def test_a_whole_page() -> None:
    error = DefinitionError(
        "`s4` is not a known type",
        place=Place("include/connections/acme.yaml", 12, 7, "type: s4  # fast", 2),
        nearest="s3",
        known=["local", "s3"],
        next_step="write one of these",
    )
    assert error.page() == (
        "include/connections/acme.yaml:12:7  `s4` is not a known type\n"
        "   12 | type: s4  # fast\n"
        "      |       ^^\n"
        "  did you mean: s3\n"
        "  known: local, s3\n"
        "  next: write one of these"
    )
    assert str(error) == error.page()


def test_a_page_of_one_line() -> None:
    assert SluiceError("the disk is full").page() == "the disk is full"


def test_a_place_without_an_excerpt_quotes_nothing() -> None:
    assert FatalError("x", place=Place("f", 3, 9), next_step="y").page() == "f:3:9  x\n  next: y"


@pytest.mark.parametrize("kind", [c for c in CLASSES if c is not SluiceError])
def test_a_class_says_what_to_do_where_the_error_does_not(kind: type[SluiceError]) -> None:
    assert kind.advice
    assert kind("x").page().endswith(kind.advice)


@pytest.mark.parametrize("kind", [c for c in CLASSES if c is not SluiceError])
@pytest.mark.parametrize("own", ["", "free space at the destination"])
def test_a_page_announces_a_retry_only_if_there_is_one(kind: type[SluiceError], own: str) -> None:
    """C6: a task retries automatically until its last attempt; a command never does."""
    error = kind("x", next_step=own)
    in_a_task = error.page()
    assert ("the task retries" in in_a_task) == (kind is RetriableError)
    error.again = "person"
    last_try = error.page()
    error.again = None
    with errors.shown_by_a_command():
        by_a_command = error.page()
    for page in (last_try, by_a_command):
        assert "retries" not in page
        assert "nothing yet" not in page
        assert kind in (Skipped, DefinitionError) or own or "again" in page or "clear" in page
        assert own in page or kind is UnknownOutcomeError
    assert "clear the failed task" not in by_a_command
    assert error.page() == in_a_task


def test_a_long_list_is_cut_and_counted() -> None:
    known = [f"segment-{n:03}" for n in range(130)]
    assert f"segment-009, ... and {130 - SHOWN} more\n" in DefinitionError("x", known=known).page()
    assert "more" not in DefinitionError("x", known=known[:SHOWN]).page().split("next:")[0]


@pytest.mark.parametrize(
    ("line", "column", "width", "carets"),
    [
        ("a: b", 4, 1, "      |    ^"),
        ("a:\tb", 4, 1, "      |    ^"),
        ("größe: b", 8, 1, "      |        ^"),
        ("名前: b", 5, 1, "      |       ^"),
        ("a: 名前", 4, 2, "      |    ^^^^"),
        ("e\u0301: b", 5, 1, "      |    ^"),
        ("a", 2, 1, "      |  ^"),
        ("a: b", 4, 99, "      |    ^"),
    ],
)
def test_carets_stand_below_what_is_meant(line: str, column: int, width: int, carets: str) -> None:
    assert Place("f", 1, column, line, width).quote()[1] == carets


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=600), st.data())
def test_a_long_line_is_cut_around_what_is_meant(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(line)))
    quoted, carets = Place("f", 1, column, line).quote()
    assert len(quoted) <= 130
    assert quoted[carets.index("^")] == line[column - 1]


def test_a_line_cannot_command_the_terminal() -> None:
    assert Place("f", 1, 1, "a\x1b[31mb\u202ec").quote()[0] == "    1 | a?[31mb?c"


def test_an_error_survives_the_way_between_processes() -> None:
    error = DefinitionError("x", place=Place("f", 1, 2, "x: 1"), nearest="y", known=["y"], next_step="z")
    assert pickle.loads(pickle.dumps(error)).page() == error.page()  # noqa: S301


def test_a_subject_is_told_from_the_outside_in() -> None:
    with pytest.raises(FatalError) as caught, errors.about("exports", "orders"), errors.about("fields", 2):
        raise FatalError("x")
    assert caught.value.subject == ("exports", "orders", "fields", 2)


def test_only_a_page_knows_who_retries() -> None:
    """C6: a sentence of an error's own would say it twice in a task, and wrongly in a command."""
    package = Path(errors.__file__).parent
    said = [path for path in package.rglob("*.py") if '"nothing yet: the task retries' in path.read_text()]
    said += [path for path in package.rglob("*.py") if '"the task retries; if' in path.read_text()]
    assert said == [package / "errors.py"]
