"""The reference of every key, as Markdown tables generated from the docstrings, types and defaults of the models.

`docs/declarations.md` is written by hand, except for blocks such as `<!-- begin chunks -->` to `<!-- end -->`, which
this module fills.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sluice.definition.errors.location import fields, inline, is_model, meanings, members, tag_key, tags
from sluice.definition.errors.messages import expected
from sluice.definition.models.alerts import Alert
from sluice.definition.models.audience import Audience, AudienceManager
from sluice.definition.models.catalog import Column, Contacts, DagRefresh, Dataset, Segment, Spark, SystemRefresh
from sluice.definition.models.chunks import Chunks
from sluice.definition.models.commands import Command, FollowUp
from sluice.definition.models.connection import Connection
from sluice.definition.models.consent import Consent, Suppression
from sluice.definition.models.data_classes import DataClass
from sluice.definition.models.export import ExportBase, ManifestSpec
from sluice.definition.models.fields import FieldSpec, Hash, Mask
from sluice.definition.models.file_names import FileNames, Split, Trigger
from sluice.definition.models.hand_over import HandOver
from sluice.definition.models.limits import Limits
from sluice.definition.models.macros import FILE_MACROS, MACROS
from sluice.definition.models.project import Settings, Staging
from sluice.definition.models.rows import Expect, Rejects, Unique
from sluice.definition.models.schedule import ScheduleSpec
from sluice.definition.models.subjects import Subjects
from sluice.definition.models.wait import Wait
from sluice.definition.settings import kinds
from sluice.destinations import DESTINATIONS
from sluice.destinations.s3 import Encryption
from sluice.encryption.openpgp import OpenPgp
from sluice.formats import FORMATS
from sluice.model.declared import spell_duration, spell_size
from sluice.sources import SOURCES

_BLOCK = re.compile(r"(?<=<!-- begin )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """The page with every block generated again. Raises `KeyError` for a block that is not in `BLOCKS`."""
    return _BLOCK.sub(lambda found: f"{found[1]}{found[2]}{BLOCKS[found[1]]()}\n", text)


def table(model: type[BaseModel], *, without: Iterable[str] = ("name",)) -> str:
    """The table of a model's keys: type, default and description. Required keys come first. The name of a declaration
    comes from its file, or from the key above it."""
    left_out = {*without, *inline(model)} | ({tag_key(model)} if len(tags(model)) == 1 else set())
    keys = sorted(fields(model).items(), key=lambda item: not item[1].is_required())
    says = meanings(model)
    rows = [_row(key, info, says.get(key, "")) for key, info in keys if key not in left_out]
    return "\n".join(["| key | type | default | description |", "|---|---|---|---|", *rows])


def _row(key: str, info: FieldInfo, says: str) -> str:
    cells = (f"`{key}`", _type(info), _default(info), says)
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _type(info: FieldInfo) -> str:
    models = [option for option in members(info.annotation) if is_model(option)]
    words = f"a mapping with `{tag_key(info.annotation)}`" if len(models) > 1 else expected(info.annotation)
    names = ("ge", "le", "min_length", "max_length")
    limits = {name: getattr(m, name) for m in info.metadata for name in names if hasattr(m, name)}
    match limits:
        case {"max_length": int(most)}:
            return f"{words}, at most {most:,} characters" if most > 1 else f"{words} of one character"
        case {"ge": int(least), "le": int(most)}:
            return f"{words}, {least} to {most}"
        case {"min_length": 1}:
            return f"{words}, not empty"
        case {"ge": int(least)} | {"min_length": int(least)}:
            return f"{words}, at least {spell_size(least) if 'size' in words else least}"
        case _:
            return words


def _default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "**required**"
    if isinstance(default, BaseModel):
        return "its own defaults"
    if isinstance(default, timedelta):
        return f"`{spell_duration(default)}`"
    if isinstance(default, ByteSize):
        return f"`{spell_size(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if default is None or default in ("", (), {}):
        return ""
    return ", ".join(f"`{item}`" for item in (default if isinstance(default, tuple) else (default,)))


def _members(registry: Mapping[str, type[Any]], word: str) -> str:
    """Every member of a family, each under its own heading."""
    parts = [f"#### `{word}: {name}`\n\n{_about(model)}\n\n{table(model)}" for name, model in registry.items()]
    return "\n\n".join(parts)


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _kinds() -> str:
    shared = set(fields(ExportBase))
    return "\n\n".join(
        f"#### `kind: {kind}`\n\n{_about(model)}\n\n{table(model, without=shared)}" for kind, model in kinds().items()
    )


def _macros() -> str:
    rows = [f"| `%{name}%` | {meaning} |" for name, meaning in (MACROS | FILE_MACROS).items()]
    return "\n".join(["| macro | value |", "|---|---|", *rows])


BLOCKS: Mapping[str, Callable[[], str]] = {
    "project": lambda: table(Settings),
    "staging": lambda: table(Staging),
    "connection": lambda: table(Connection),
    "limits": lambda: table(Limits),
    "data_class": lambda: table(DataClass),
    "subjects": lambda: table(Subjects),
    "hand_over": lambda: table(HandOver),
    "audience_manager": lambda: table(AudienceManager),
    "audience": lambda: table(Audience),
    "command": lambda: table(Command),
    "openpgp": lambda: table(OpenPgp),
    "encryption": lambda: table(Encryption),
    "destinations": lambda: _members(DESTINATIONS, "type"),
    "dataset": lambda: table(Dataset),
    "column": lambda: table(Column),
    "contacts": lambda: table(Contacts),
    "engine": lambda: table(Spark),
    "sources": lambda: _members(SOURCES, "type"),
    "segment": lambda: table(Segment),
    "refreshes": lambda: _members({"system": SystemRefresh, "dag": DagRefresh}, "type"),
    "export": lambda: table(ExportBase),
    "kinds": _kinds,
    "field": lambda: table(FieldSpec),
    "hash": lambda: table(Hash),
    "mask": lambda: table(Mask),
    "consent": lambda: table(Consent),
    "suppress": lambda: table(Suppression),
    "unique": lambda: table(Unique),
    "rejects": lambda: table(Rejects),
    "expect": lambda: table(Expect),
    "chunks": lambda: table(Chunks),
    "file": lambda: table(FileNames, without=()),
    "split": lambda: table(Split),
    "trigger": lambda: table(Trigger, without=()),
    "manifest": lambda: table(ManifestSpec),
    "wait": lambda: table(Wait),
    "follow_up": lambda: table(FollowUp),
    "alerts": lambda: table(Alert),
    "schedule": lambda: table(ScheduleSpec),
    "formats": lambda: _members(FORMATS, "type"),
    "macros": _macros,
}
"""The generator of each block of the page."""
