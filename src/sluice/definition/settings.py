"""Reads `project.yaml`: settings, and the defaults of exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.definition.errors.explain import explain
from sluice.definition.errors.location import fields, members, tags
from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import Export, ExportBase
from sluice.definition.models.project import Settings
from sluice.definition.yaml import parse, secret
from sluice.definition.yaml.documents import Documents
from sluice.definition.yaml.position import Document, Path
from sluice.errors import DefinitionError, Place

PROJECT = "project.yaml"
_GIVEN = ("name", "kind")
"""The keys of an export that cannot have a default."""


def kinds() -> dict[str, Any]:
    """The model of each kind of export."""
    return {tag: model for model in members(Export) for tag in tags(model)}


def kind_of(raw: Mapping[str, Any]) -> Any:
    """The model of an export's kind; None if its kind is missing or unknown."""
    kind = raw.get("kind")
    return kinds().get(kind) if isinstance(kind, str) else None


@dataclass
class SettingsFile:
    """`project.yaml` as it was read. In a project without one, every setting has its default."""

    settings: Settings = field(default_factory=Settings)
    document: Document | None = None
    errors: list[DefinitionError] = field(default_factory=list)
    """The errors that prevent every export from running."""
    default_errors: list[DefinitionError] = field(default_factory=list)
    """The errors of defaults, which affect only the exports that use them."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """The defaults of exports, even if another setting is invalid."""

    def place(self, path: Path, *, key: bool = False, word: str = "") -> Place:
        """The place of a setting, or of a word in it."""
        if self.document is None:
            return Place(PROJECT)
        return self.document.place_of_word(path, word) if word else self.document.place(path, key=key)

    def fill(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """An export's keys, and the defaults of its kind's other keys."""
        model = kind_of(raw) or ExportBase
        return {key: value for key, value in self.defaults.items() if key in fields(model)} | dict(raw)


def read_settings(
    folder: FilePath, drafts: parse.Drafts = parse.NO_DRAFTS, documents: Documents | None = None
) -> SettingsFile:
    """Read `project.yaml`. Errors are returned, never raised."""
    path = folder / PROJECT
    if not parse.exists(path, drafts):
        return SettingsFile()
    try:
        document = parse.read(path, drafts, folder, documents)
    except DefinitionError as error:
        return SettingsFile(errors=[error])
    read = SettingsFile(document=document, errors=[error for _, error in secret.find(document)])
    if read.errors:
        return read
    if isinstance(defaults := document.value.get("defaults"), dict):
        read.defaults = defaults
    try:
        read.settings = Settings.model_validate(document.value)
    except ValidationError as error:
        read.errors = [p.at(read.place(p.path, key=p.key)) for p in explain(error, Settings, "project.yaml")]
    read.default_errors = [p.at(read.place(p.path, key=p.key)) for p in _wrong_defaults(read.defaults)]
    return read


def _wrong_defaults(defaults: Mapping[str, Any]) -> Iterator[Problem]:
    known = {key for model in kinds().values() for key in fields(model) if key not in _GIVEN}
    for key in defaults:
        if key not in known:
            yield unknown(
                ("defaults", key), key, known, f"`{key}` is not a key of exports that can have a default", key=True
            )
    seen = set()
    for problem in _wrong_values({key: value for key, value in defaults.items() if key in known}):
        if (problem.path, problem.what) not in seen:
            seen.add((problem.path, problem.what))
            yield problem


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _wrong_values(defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of each default's value, for every kind of export that has the key."""
    for kind, model in kinds().items():
        own = {key: value for key, value in defaults.items() if key in fields(model)}
        if not own:
            continue
        try:
            _adapter(model).validate_python({"kind": kind, "name": "default", **own})
        except ValidationError as error:
            for problem in explain(error, model, f"a {kind}", _GIVEN):
                if problem.path and problem.path[0] in own:
                    yield replace(problem, path=("defaults", *problem.path))
