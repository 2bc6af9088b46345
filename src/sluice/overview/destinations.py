"""The types of destinations, with their keys as a form needs them: from the models and their docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sluice.definition.errors.location import bare, fields, meanings, members
from sluice.definition.models.project import Project
from sluice.destinations import DESTINATIONS
from sluice.model.declared import spell_duration, spell_size

_CONN_TYPE = re.compile(r"The Airflow connection is of type `([^`]+)`")
_ARTICLE = re.compile(r"^(An?|The) ")
KeyType = Literal["text", "number", "boolean", "choice", "duration", "size", "list", "other"]
_TYPES: dict[Any, KeyType] = {
    str: "text", int: "number", float: "number", bool: "boolean", timedelta: "duration", ByteSize: "size",
}  # fmt: skip


class KeySpec(BaseModel):
    """A key of a destination type, for a form."""

    name: str
    says: str
    type: KeyType
    required: bool
    default: Any = None
    choices: list[str] = []


class DestinationType(BaseModel):
    """A type of destination, as a card."""

    type: str
    title: str
    says: str
    keys: list[KeySpec]
    conn_types: list[str] = []
    """The types of Airflow connections that hold its credentials."""
    connections: list[str]
    """The names of the connections of this type."""


def destination_types(project: Project) -> Iterator[DestinationType]:
    """Every type, with the names of its connections."""
    for name, model in DESTINATIONS.items():
        says = " ".join((model.__doc__ or "").split())
        title = _ARTICLE.sub("", says.partition(".")[0].partition(":")[0])
        yield DestinationType(
            type=name,
            title=title[:1].upper() + title[1:],
            says=says,
            keys=sorted(_keys(model), key=_required_first),
            conn_types=_CONN_TYPE.findall(says),
            connections=sorted(one.name for one in project.connections.values() if one.destination.type == name),
        )


def _required_first(key: KeySpec) -> bool:
    return not key.required


def _keys(model: type[BaseModel]) -> Iterator[KeySpec]:
    says = meanings(model)
    return (_key(name, info, says.get(name, "")) for name, info in fields(model).items() if name != "type")


def _key(name: str, info: FieldInfo, says: str) -> KeySpec:
    options = [option for part in members(info.annotation) for option in _literals(part)]
    return KeySpec(
        name=name,
        says=" ".join(says.split()),
        type="choice" if options else _type(info),
        required=info.is_required(),
        default=_default(info),
        choices=[str(option) for option in options],
    )


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _type(info: FieldInfo) -> KeyType:
    kinds = {bare(part) for part in members(info.annotation)}
    if len(kinds) != 1:
        return "other"
    (kind,) = kinds
    return "list" if get_origin(kind) in (tuple, list) else _TYPES.get(kind, "other")


def _default(info: FieldInfo) -> Any:
    """As a declaration spells it."""
    default = info.get_default(call_default_factory=True)
    match default:
        case timedelta():
            return spell_duration(default)
        case ByteSize():
            return spell_size(default)
        case BaseModel():
            return None
        case tuple():
            return list(default)
    return None if default is PydanticUndefined else default
