"""JSON Schemas for editors, generated from the models so that both always agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from sluice.definition.errors.location import inline, meanings, members
from sluice.definition.models.catalog import Dataset, Refresh, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.project import Settings
from sluice.definition.settings import kinds
from sluice.destinations import DESTINATIONS
from sluice.model.declared import NAME, spell_duration

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The dialect that YAML plug-ins of editors support best. The keywords used here mean the same in later drafts."""

Schema = dict[str, Any]


@cache
def schemas() -> Mapping[str, Schema]:
    """The schema of each kind of file, by name. Do not change them: they are made once in a process."""
    return {
        "connection": _file("A connection: connections/<name>.yaml", _connection()),
        "datasets": _file("Datasets: catalog/datasets.yaml", _named(Dataset)),
        "export": _file("An export: exports/<name>.yaml", _export()),
        "project": _file("Project settings: project.yaml", _project()),
        "refreshes": _file("Refreshes: catalog/refreshes.yaml", _named(Refresh)),
        "segments": _file("Segments: catalog/segments.yaml", _named(Segment)),
    }


class _Generator(GenerateJsonSchema):
    """Writes default durations as a declaration does, and the docstrings of fields as their descriptions."""

    def encode_default(self, dft: Any) -> Any:
        return spell_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        written: Schema = super().model_schema(schema)
        for key, words in meanings(schema["cls"]).items():
            written["properties"][key]["description"] = words
        return written


def _file(title: str, schema: Schema) -> Schema:
    definitions = schema.pop("$defs", {})
    return {"$schema": DIALECT, "title": title, **schema} | ({"definitions": definitions} if definitions else {})


def _model(model: Any) -> Schema:
    """The schema of a declaration without its name, which comes from the file or from the key above."""
    schema: Schema = _plain(TypeAdapter(model).json_schema(schema_generator=_Generator))
    _without(schema, ("name",))
    for member in members(model):
        _without(schema.get("$defs", {}).get(member.__name__, {}), ("name",))
    return schema


def _project() -> Schema:
    """The settings. Their `defaults` accept every key of every kind of export."""
    schema = _model(Settings)
    for model in kinds().values():
        export = _model(model)
        schema["$defs"] |= export.pop("$defs", {})
        schema["properties"]["defaults"].setdefault("properties", {}).update(export["properties"])
    del schema["properties"]["defaults"]["properties"]["kind"]
    schema["properties"]["defaults"]["additionalProperties"] = False
    return schema


def _export() -> Schema:
    """One of the kinds. Only `kind` is required, because project.yaml may provide every other key."""
    choices: dict[str, Schema] = {}
    definitions: Schema = {}
    for kind, model in kinds().items():
        schema = _model(model)
        definitions |= schema.pop("$defs", {})
        choices[kind] = schema | {"required": ["kind"]}
    return _one_of("kind", choices) | {"$defs": definitions}


def _connection() -> Schema:
    """One of the types. The connection's keys and its destination's keys stand at the same level."""
    own = _model(Connection)
    definitions = own.pop("$defs", {})
    _without(own, inline(Connection))
    choices = {}
    for name, destination in DESTINATIONS.items():
        # Pydantic defines every destination for the field `destination`, which this schema replaces by its keys.
        definitions.pop(destination.__name__, None)
        target = _model(destination)
        definitions |= target.pop("$defs", {})
        required = sorted({"type", *target.get("required", ()), *own.get("required", ())})
        choices[name] = target | {"properties": target["properties"] | own["properties"], "required": required}
    return _one_of("type", choices) | {"$defs": definitions}


def _one_of(tag: str, choices: Mapping[str, Schema]) -> Schema:
    """A choice by `if` and `then`, so that an editor reports only errors in the keys of the chosen one."""
    given = {name: {"properties": {tag: {"const": name}}, "required": [tag]} for name in choices}
    return {
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": list(choices)}},
        "allOf": [{"if": given[name], "then": then} for name, then in choices.items()],
    }


def _named(model: Any) -> Schema:
    """A mapping of names to declarations."""
    schema = _model(model)
    definitions = schema.pop("$defs", {})
    names = {"pattern": NAME}
    return {"type": "object", "propertyNames": names, "additionalProperties": schema, "$defs": definitions}


def _without(schema: Schema, keys: Iterable[str]) -> None:
    for key in keys:
        schema.get("properties", {}).pop(key, None)
    if "required" in schema:
        schema["required"] = [key for key in schema["required"] if key not in set(keys)]


def _plain(part: Any) -> Any:
    """Convert to draft-07: other references, no titles that repeat a key, and no `null`, which nobody writes."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part.replace("#/$defs/", "#/definitions/") if isinstance(part, str) else part
    left_out = {"discriminator"} | {key for key in ("title", "default") if isinstance(part.get(key), str | None)}
    if "default" in left_out and part.get("default"):
        left_out.remove("default")
    plain = {key: _plain(value) for key, value in part.items() if key not in left_out}
    choices = [choice for choice in plain.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del plain["anyOf"]
        return choices[0] | plain
    return plain | ({"anyOf": choices} if choices else {})
