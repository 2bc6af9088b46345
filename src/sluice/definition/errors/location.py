"""Maps the location of a Pydantic error to the model, the field and the path in the file.

Pydantic's `loc` has more steps than the file: the tag of the union member that was tried, and a field whose keys stand
at the level above (`Declared.inline`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sluice.definition.yaml.position import Path
from sluice.model.declared import Declared
from sluice.model.described import descriptions


@dataclass
class Trace:
    """The target of a `loc`: the path in the file, the expected type there, and the models on the way."""

    type: Any
    path: Path = ()
    model: type[BaseModel] | None = None
    """The model that the last key belongs to."""
    beside: type[BaseModel] | None = None
    """The other model whose keys stand in the same mapping as those of `model`."""
    choice: Path | None = None
    """The first value on the way whose type is an untagged union."""
    choice_type: Any = None
    """The type of that value."""

    def follow(self, step: str | int) -> None:
        options = members(self.type)
        if len(options) > 1:
            self._choose(options, str(step))
        elif isinstance(step, str) and options and is_model(options[0]):
            self._enter(options[0], step)
        else:
            self.path = (*self.path, step)
            self.type = item_type(options[0]) if options else Any

    def _choose(self, options: list[Any], label: str) -> None:
        tagged = [option for option in options if label in tags(option)]
        if not tagged and self.choice is None:
            self.choice, self.choice_type = self.path, self.type
        named = [option for option in options if _labels(option, label)]
        self.type = (tagged or named or [Any])[0]

    def _enter(self, model: type[BaseModel], key: str) -> None:
        if key in inline(model):
            self.beside = model
        else:
            self.path = (*self.path, key)
            self.beside = self.beside if self.model is self.beside else None
        self.model = model
        info = fields(model).get(key)
        self.type = info.annotation if info else Any


def _labels(option: Any, label: str) -> bool:
    """Whether Pydantic's label is this option: the model's name, possibly wrapped in the names of its validators."""
    name = getattr(option, "__name__", "")
    return label == name or label.endswith(f", {name}]")


def trace(root: Any, loc: Sequence[str | int]) -> Trace:
    """Follow `loc` from a value of type `root`."""
    found = Trace(root)
    for step in loc:
        found.follow(step)
    return found


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields, by key."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """The descriptions of a model's fields, by key."""
    found = descriptions(model)
    return {key: found[name] for key, name in zip(fields(model), model.model_fields, strict=True) if name in found}


def inline(model: type[BaseModel]) -> frozenset[str]:
    return model.inline if issubclass(model, Declared) else frozenset()


def members(annotation: Any) -> list[Any]:
    """The members of a union except `None`, without their annotations. Any other type is its own only member."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    return [] if annotation is NoneType else [annotation]


def bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def item_type(annotation: Any) -> Any:
    """The type of a list's entries or of a mapping's values."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    return arguments[0] if arguments and origin in (tuple, list, frozenset, set) else Any


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def tags(annotation: Any) -> tuple[str, ...]:
    """The values of `type` or `kind` that select this model."""
    if not is_model(annotation):
        return ()
    for key in ("type", "kind"):
        field = annotation.model_fields.get(key)
        if field is not None and get_origin(field.annotation) is Literal:
            return get_args(field.annotation)
    return ()


def all_tags(annotation: Any) -> tuple[str, ...]:
    return tuple(sorted(tag for member in members(annotation) for tag in tags(member)))


def tag_key(annotation: Any) -> str:
    """The key that selects a member of a union: `type` or `kind`."""
    first = members(annotation)[0]
    return "kind" if is_model(first) and "kind" in first.model_fields and "type" not in first.model_fields else "type"
