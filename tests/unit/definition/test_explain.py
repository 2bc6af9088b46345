"""Every mistake that a model can find becomes one plain sentence at its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from sluice.definition.errors.explain import explain
from sluice.definition.errors.problem import Problem, either, shown, unknown
from sluice.model.declared import Declared, Duration, Name


class Red(Declared):
    """Red."""

    type: Literal["red"]
    shade: str = "dark"
    """How dark it is. Or not."""


class Blue(Declared):
    """Blue."""

    type: Literal["blue"]
    blue: int = 1
    """A key that is called like its type's tag."""
    finish: Red | None = None
    """What covers it."""


class Span(Declared):
    """A span."""

    start: date
    """When it begins."""
    step: Duration
    """How far it goes."""


class Thing(Declared):
    """What is explained here."""

    inline: ClassVar[frozenset[str]] = frozenset({"inner"})

    name: Name
    title: str = Field(default="", min_length=2, max_length=5)
    """What people call it."""
    weight: float = Field(default=1, gt=0, lt=10)
    """Kilograms."""
    color: Annotated[Red | Blue, Field(discriminator="type")] = Red(type="red")
    """A color."""
    colors: Mapping[str, Annotated[Red | Blue, Field(discriminator="type")]] = {}
    """Colors by name."""
    when: Literal["now", "never"] | Span = "now"
    """When."""
    days: tuple[date, ...] = Field(default=(), max_length=2)
    """Days."""
    code: str = Field(default="A1", pattern=r"^[A-Z]\d$")
    """A letter and a digit; nothing else."""
    inner: Blue | None = None
    """Its keys stand beside these."""


def problems(value: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Thing).validate_python({"name": "x", **value})
    return explain(caught.value, Thing, "a thing", ("name",))


@pytest.mark.parametrize(
    ("value", "path", "what", "next_step"),
    [
        ({"title": "x"}, ("title",), "`title` must have at least 2 characters, but has 1", ""),
        ({"title": "xxxxxx"}, ("title",), "`title` must have at most 5 characters, but has 6", ""),
        ({"weight": 0}, ("weight",), "`weight` must be more than 0.0, not 0", ""),
        ({"weight": 10}, ("weight",), "`weight` must be less than 10.0, not 10", ""),
        ({"weight": "x"}, ("weight",), "`weight` must be a number, not `x`", ""),
        ({"weight": True}, ("weight",), "`weight` must be a number, not `true`", ""),
        ({"weight": []}, ("weight",), "`weight` must be a number, not a list", ""),
        ({"color": {"type": "red", "shade": 3}}, ("color", "shade"), "`shade` must be text, not 3",
         'put it in quotes: "3"'),
        ({"color": {"type": "blue", "blue": "x"}}, ("color", "blue"), "`blue` must be a whole number, not `x`", ""),
        ({"color": {}}, ("color",), "`type` is missing", "add `type`"),
        ({"color": "blue"}, ("color",), "`color` must be a mapping with `type`, not `blue`", "write {type: blue}"),
        ({"color": 5}, ("color",), "`color` must be a mapping with `type`, not 5", "write {type: blue}"),
        ({"colors": []}, ("colors",), "`colors` must be a mapping, not a list", ""),
        ({"colors": {"a": {"type": "grey"}}}, ("colors", "a", "type"), "`grey` is not a known type", ""),
        ({"when": "later"}, ("when",), "`when` must be `now`, `never` or a mapping with `start`, not `later`", ""),
        ({"when": None}, ("when",), "`when` has no value",
         "write `now`, `never` or a mapping with `start`, or delete the key"),
        ({"when": {"step": "1s"}}, ("when",), "`start` is missing", "add `start`: When it begins"),
        ({"when": {"start": "x", "step": "1s"}}, ("when", "start"),
         "`start` must be a date such as 2026-12-01, not `x`", ""),
        ({"when": {"start": "2026-12-01", "step": 1}}, ("when", "step"), "`step` is 1: not a duration",
         "write a number and a unit, such as 2s, 30 min, 6 hours or 1 day"),
        ({"days": ["2026-12-01", 7.5]}, ("days", 1),
         "entry 2 of `days` must be a date such as 2026-12-01, not 7.5", ""),
        ({"days": ["2026-12-01"] * 3}, ("days",), "`days` must have at most 2 entries, but has 3", ""),
        ({"code": "x"}, ("code",), "`code` cannot be `x`", r"A letter and a digit; it must match ^[A-Z]\d$"),
        ({"name": "No Name"}, ("name",), "`No Name` is not a valid name",
         "use lower-case letters, digits, `_` and `-`; start with a letter; at most 100 characters"),
        ({"nme": 1}, ("nme",), "`nme` is not a key of a thing", ""),
        ({"color": {"type": "red", "shad": 1}}, ("color", "shad"), "`shad` is not a key of `color`", ""),
        ({"inner": {"type": "blue", "blu": 1}}, ("blu",), "`blu` is not a key of a thing", ""),
        ({"inner": {"type": "blue", "blue": "x"}}, ("blue",), "`blue` must be a whole number, not `x`", ""),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_and_its_sentence(
    value: dict[str, Any], path: tuple[str | int, ...], what: str, next_step: str
) -> None:
    (problem,) = problems(value)
    assert (problem.path, problem.what, problem.next_step) == (path, what, next_step)


def test_known_keys_are_those_of_the_file() -> None:
    (problem,) = problems({"shade": 1})
    assert set(problem.known) == {"title", "weight", "color", "colors", "when", "days", "code"}
    (problem,) = problems({"inner": {"type": "blue", "tittle": 1}})
    assert problem.nearest == "title"
    beside = {"title", "weight", "color", "colors", "when", "days", "code"}
    assert set(problem.known) == {"type", "blue", "finish"} | beside
    (problem,) = problems({"inner": {"type": "blue", "finish": {"type": "red", "sheen": 1}}})
    assert set(problem.known) == {"type", "shade"}


def test_a_misspelt_key_is_not_missing_too() -> None:
    (problem,) = problems({"when": {"strat": "2026-12-01", "step": "1s"}})
    assert (problem.path, problem.nearest) == (("when", "strat"), "start")


def test_two_mistakes_are_two_problems() -> None:
    found = problems({"title": "x", "when": {"start": 1.5, "step": "x"}, "nme": 1})
    assert [p.path for p in found] == [("title",), ("when", "start"), ("when", "step"), ("nme",)]


@pytest.mark.parametrize(
    ("word", "known", "nearest"),
    [
        ("s4", ["local", "s3", "sftp"], "s3"),
        ("gzpi", ["none", "gzip"], "gzip"),
        ("GZIP", ["none", "gzip"], "gzip"),
        ("parquet", ["csv", "json"], None),
        ("a", [], None),
        ("drop-daily", ["drop_daily", "daily"], "drop_daily"),
    ],
)
def test_the_nearest(word: str, known: list[str], nearest: str | None) -> None:
    assert unknown((), word, known, "x").nearest == nearest


def test_a_long_list_goes_from_near_to_far_and_a_short_one_by_letters() -> None:
    many = [f"segment-{n:03}" for n in range(50)]
    assert unknown((), "segmnt-042", many, "x").known[0] == "segment-042"
    assert unknown((), "b", ["c", "b", "a"], "x").known == ("a", "b", "c")


def test_how_values_are_shown() -> None:
    assert [shown(v) for v in ("x" * 70, True, None, 1.5, {}, (), [])] == [
        f"`{'x' * 57}...`", "true", "nothing", "1.5", "a mapping", "a list", "a list",
    ]  # fmt: skip
    assert [either(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
