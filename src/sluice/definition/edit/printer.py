"""Prints new declarations as YAML, as people write them. The text of an existing file is edited instead: its comments
would be lost here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ByteSize, ValidationError
from pydantic.fields import FieldInfo

from sluice.definition.declarations import TYPES
from sluice.definition.edit.spell import spell
from sluice.definition.errors.location import fields, inline, is_model, item_type, members, tags
from sluice.definition.folder import CATALOG, Family
from sluice.definition.models.export import ExportBase
from sluice.definition.models.fields import FieldSpec, Hash
from sluice.definition.partial import adapter
from sluice.model.declared import spell_size

_BREAK = "\n"
WIDTH = 120
"""The longest line of a list or a mapping in brackets."""
_TAGS = ("kind", "type")
_HEAD = ("title", "description", "connection")
"""The keys of an export that come before those of its kind."""
_SHORT: Mapping[type[BaseModel], str] = {FieldSpec: "field", Hash: "type"}
"""The models that are written as one key's value if they have no other."""
_LINES = re.compile(r"(?!\s).*\S\n?", re.DOTALL)
"""A text that a block of lines can hold: neither its first nor its last line is or starts with space."""

Keys = dict[str, tuple[type[BaseModel], FieldInfo]]


_OF_TARGETS = ("takes", "requires", "limits")
"""What a known target sets for a connection that does not: there, an empty list is not the same as a missing key."""


def text_of(family: Family, values: Mapping[str, Any], defaults: Collection[str] = ()) -> str:
    """A new declaration as YAML. `values` are plain, by the keys of the file, as a form holds them. What is None or the
    model's default is left out, except the keys in `defaults`, which `project.yaml` gives a default of its own. Keys
    that the model does not have come last, unchanged.

    `name` is the file's name, and is not printed. A dataset, a segment or a refresh is printed below it, as an entry of
    its file."""
    rest = {key: value for key, value in values.items() if key != "name"}
    given = _OF_TARGETS if family == "connection" and rest.get("target") else ()
    printed = _mapping(_model(TYPES[family], rest), rest, {*defaults, *given})
    entry = family in CATALOG and "name" in values
    lines = [f"{spell(values['name'], inside=False)}:", *_block(printed, 2)] if entry else _block(printed, 0)
    return "\n".join(lines) + "\n"


def _model(annotation: Any, values: Mapping[str, Any]) -> type[BaseModel] | None:
    """The model of a mapping; of several, the one that its `kind` or `type` names. None if it is not known."""
    options = [option for option in members(annotation) if is_model(option)]
    if len(options) == 1:
        return options[0]  # type: ignore[no-any-return]
    named = [values.get(key) for key in _TAGS]
    return next((option for option in options if any(tag in named for tag in tags(option))), None)


def _mapping(model: type[BaseModel] | None, values: Mapping[str, Any], kept: Collection[str] = ()) -> dict[str, Any]:
    """The values to print, in the order of the model."""
    known = _keys(model, values) if model else {}
    printed: dict[str, Any] = {}
    for key in [*(key for key in known if key in values), *(key for key in values if key not in known)]:
        if values[key] is None:
            continue
        if key not in known:
            printed[key] = values[key]
            continue
        owner, info = known[key]
        value = _value(info.annotation, values[key])
        if key in kept or not _is_default(owner, key, info, value):
            printed[key] = value
    return printed


def _keys(model: type[BaseModel], values: Mapping[str, Any]) -> Keys:
    """The keys in the order of a file: `kind` or `type`, the title, the connection, what the kind needs, the rest."""
    found: Keys = {}
    for key, info in fields(model).items():
        inner = _model(info.annotation, values) if key in inline(model) else None
        found |= _keys(inner, values) if inner else {key: (model, info)}
    own = [key for key in found if issubclass(model, ExportBase) and key not in fields(ExportBase)]
    first = [*_TAGS, *_HEAD, *own] if own else list(_TAGS)
    return {key: found[key] for key in [*(key for key in first if key in found), *found]}


def _value(annotation: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        model = _model(annotation, value)
        printed = _mapping(model, value)
        short = _SHORT.get(model) if model else None
        return printed[short] if short and list(printed) == [short] else printed
    if isinstance(value, list | tuple | set | frozenset):
        (sequence, *_) = [one for one in members(annotation) if item_type(one) is not Any] or [Any]
        return [_value(item_type(sequence), one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and ByteSize in members(annotation):
        spelled = spell_size(value)
        return value if spelled.isdigit() else spelled
    return value


def _is_default(model: type[BaseModel], key: str, info: FieldInfo, value: Any) -> bool:
    """Whether the model has the value without the key. A tag says which model it is, and an invalid value is none of
    the model's: both are printed."""
    if info.is_required() or key in _TAGS:
        return False
    try:
        return bool(adapter(model, key).validate_python(value) == info.get_default(call_default_factory=True))
    except ValidationError:
        return False


def _block(values: Mapping[str, Any], indent: int) -> list[str]:
    """A mapping with a key on each line."""
    return [line for key, value in values.items() for line in _entry(f"{spell(key, inside=False)}:", value, indent)]


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    """The lines of a key, or of a dash, with its value: in one line if it is short."""
    pad = " " * indent
    if isinstance(value, str) and "\n" in value and _holds(value):
        yield f"{pad}{head} {'|' if value.endswith(_BREAK) else '|-'}"
        yield from (f"{pad}  {line}" if line else "" for line in _lines(value))
    elif _is_short(value) and len(line := f"{pad}{head} {spell(value, inside=False)}") <= WIDTH:
        yield line
    elif isinstance(value, Mapping) and value:
        lines = _block(value, indent + 2)
        yield from [f"{pad}{head} {lines[0].lstrip()}", *lines[1:]] if head == "-" else [f"{pad}{head}", *lines]
    elif isinstance(value, list) and value:
        lines = [line for one in value for line in _entry("-", one, indent + 2)]
        yield from [f"{pad}{head} {lines[0].lstrip()}", *lines[1:]] if head == "-" else [f"{pad}{head}", *lines]
    else:
        yield f"{pad}{head} {spell(value, inside=False)}"


def _is_short(value: Any, *, listed: bool = False) -> bool:
    """Whether the value may be written on one line: no text of several lines, and no list of mappings."""
    if isinstance(value, Mapping):
        return not listed and all(map(_is_short, value.values()))
    if isinstance(value, list | tuple):
        return all(_is_short(one, listed=True) for one in value)
    return not (isinstance(value, str) and "\n" in value and _holds(value))


def _holds(text: str) -> bool:
    """Whether a block of lines can hold the text unchanged."""
    return _LINES.fullmatch(text) is not None and text.replace("\n", "").replace("\t", "").isprintable()


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")
