"""The words that declarations share, and what every model promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from sluice.definition.errors.location import fields, is_model, item_type, meanings, members
from sluice.definition.models.catalog import Dataset, Refresh, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Chunks, Export
from sluice.definition.models.project import Project, Settings
from sluice.model.declared import Declared, Duration, spell_duration

LENGTH = TypeAdapter(Duration)


def declared(annotation: Any, seen: set[type[BaseModel]] | None = None) -> Iterator[type[BaseModel]]:
    """Every model that a value of this type may hold."""
    seen = set() if seen is None else seen
    for option in members(annotation):
        if is_model(option) and option not in seen:
            seen.add(option)
            yield option
            for info in fields(option).values():
                yield from declared(info.annotation, seen)
        elif not is_model(option) and item_type(option) is not Any:
            yield from declared(item_type(option), seen)


MODELS = {
    model.__name__: model
    for root in (Settings, Connection, Dataset, Segment, Refresh, Export, Project)
    for model in declared(root)
}


def test_the_walk_finds_the_models() -> None:
    assert {"Chunks", "FieldSpec", "Cron", "S3", "Csv", "Limits", "SystemRefresh", "DatasetExport"} <= set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_cannot_change_and_refuses_unknown_keys(name: str) -> None:
    model = MODELS[name]
    assert issubclass(model, Declared)
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(model).validate_python({"no_such_key": 1})
    wrong = {error["type"] for error in caught.value.errors() if error["loc"][-1] == "no_such_key"}
    # A connection hands what is not its own to its destination, which cannot be told without a type.
    assert wrong == {"extra_forbidden"} or model is Connection
    if fields(model):
        sample = model.model_construct()
        with pytest.raises(ValidationError, match="frozen"):
            setattr(sample, next(iter(model.model_fields)), 1)


@pytest.mark.parametrize("name", MODELS)
def test_every_key_has_its_sentence(name: str) -> None:
    if MODELS[name] is Project:
        return  # not written by anyone: it is what the files make together
    assert MODELS[name].__doc__
    says = meanings(MODELS[name])
    for key in fields(MODELS[name]):
        if key not in ("name", "type", "kind"):
            assert says.get(key), f"{name}.{key} says nothing of what it means"
            assert says[key].endswith((".", ")")), f"{name}.{key}: a sentence ends with a point"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2s", 2), ("0s", 0), ("500ms", 0.5), ("30 min", 1800), ("30m", 1800), ("6 hours", 21600), ("1 hour", 3600),
        ("1h 30m", 5400), ("1h30m", 5400), ("1 day", 86400), ("1.5s", 1.5), (" 2 sec ", 2), ("10 seconds", 10),
    ],
)  # fmt: skip
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert LENGTH.validate_python(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    ["", "5", 5, 2.5, True, None, "s", "2 parsecs", "-2s", "1:30", "2s later", "2ss", "P1D", "9999999 days"],
)
def test_what_is_no_length_of_time(wrong: object) -> None:
    with pytest.raises(ValidationError):
        LENGTH.validate_python(wrong)


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 10**11).map(lambda n: timedelta(milliseconds=n)))
def test_a_length_of_time_is_spelt_as_it_is_read(length: timedelta) -> None:
    assert LENGTH.validate_python(spell_duration(length)) == length
    assert LENGTH.dump_json(length) == f'"{spell_duration(length)}"'.encode()


@pytest.mark.parametrize("wrong", [True, False])
def test_true_is_no_number(wrong: bool) -> None:
    with pytest.raises(ValidationError, match="threads"):
        Chunks.model_validate({"threads": wrong})
