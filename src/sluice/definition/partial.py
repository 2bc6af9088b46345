"""Partial models of invalid declarations: rules can find further mistakes in their valid keys."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from copy import copy
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sluice.definition.errors.location import fields, inline, members, tags
from sluice.definition.errors.problem import Problem
from sluice.definition.rules.known import Known, Rule


def partial(root: Any, raw: Mapping[str, Any], wrong: Iterable[str]) -> Any:
    """The declaration without its wrong keys: accessing one raises `AttributeError`. None if the model is unknown.
    `root` is the family's type."""
    model = _model(root, raw)
    if model is None:
        return None
    given = _nested(model, raw)
    lost = set(_nested(model, dict.fromkeys(wrong)))
    values = {}
    for key, info in fields(model).items():
        if key in given and key not in lost:
            try:
                values[key] = adapter(model, key).validate_python(given[key])
            except ValidationError:
                lost.add(key)
        elif info.is_required():
            lost.add(key)
    found = model.model_construct(**values)
    for key in lost:
        vars(found).pop(key, None)
    return found


def of_it(rule: Rule, half: Any, wrong: Container[str], known: Known) -> Iterator[Problem]:
    """The problems that a rule finds in a partial declaration. Problems of wrong keys are dropped, and the rule ends
    when it accesses one."""
    if half is None:
        return
    try:
        for problem in rule(half, known):
            if problem.path and problem.path[0] not in wrong:
                yield problem
    except AttributeError:
        return


def _model(root: Any, raw: Mapping[str, Any]) -> type[BaseModel] | None:
    options = members(root)
    if len(options) == 1:
        return options[0]  # type: ignore[no-any-return]
    named = [raw.get("kind"), raw.get("type")]
    return next((option for option in options if any(tag in named for tag in tags(option))), None)


def _nested(model: type[BaseModel], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The keys by field: the keys of an inline field, which in the file stand at the model's level, move below it."""
    own = {key: value for key, value in raw.items() if key in fields(model) and key not in inline(model)}
    rest = {key: value for key, value in raw.items() if key not in own}
    return own | (dict.fromkeys(inline(model), rest) if rest else {})


@cache
def adapter(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    """A validator of one key's value, with the key's limits."""
    info = copy(fields(model)[key])
    info.alias = info.validation_alias = None  # of a value alone, Pydantic warns about it
    limited: Any = Annotated[info.annotation, info]
    return TypeAdapter(limited)
