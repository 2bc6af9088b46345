"""Hive partitions: folders named `key=value` above a file add columns to its rows."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from sluice.errors import DefinitionError, FatalError, about

if TYPE_CHECKING:
    import pyarrow as pa

PartitionType = Literal["string", "integer", "date", "boolean"]

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def partition_fields(files: Sequence[str], declared: Mapping[str, PartitionType], *, dataset: str) -> list[pa.Field]:
    """The partition columns of `files`, in the folders' order. Raises `FatalError` if the files lie in different
    partition folders, and `DefinitionError` if a declared partition does not exist."""
    import pyarrow as pa

    levels = {file: _levels(file) for file in files}
    keys = _same_everywhere(levels, dataset)
    if unknown := sorted(set(declared) - set(keys)):
        with about("source", "partitions", unknown[0]):
            raise DefinitionError(
                f"dataset {dataset} declares the partition {unknown[0]!r}, but no folder is named {unknown[0]}=...",
                nearest=next(iter(get_close_matches(unknown[0], keys, 1)), None),
                known=keys,
                next_step="correct `partitions` in the catalog",
            )
    kinds = {"string": pa.string(), "integer": pa.int64(), "date": pa.date32(), "boolean": pa.bool_()}
    types = {key: declared.get(key) or _inferred({own[key] for own in levels.values()}) for key in keys}
    return [pa.field(key, kinds[type_]) for key, type_ in types.items()]


def partition_values(file: str, schema: pa.Schema, *, dataset: str) -> dict[str, pa.Scalar]:
    """The file's value for each partition column, in the schema's type. Raises `FatalError` if a folder's value does
    not parse."""
    return {key: _scalar(file, schema.field(key), text, dataset) for key, text in _levels(file).items()}


def _scalar(file: str, field: pa.Field, text: str | None, dataset: str) -> pa.Scalar:
    import pyarrow as pa

    try:
        return pa.scalar(None if text is None else _PARSERS[str(field.type)](text), field.type)
    except ValueError:
        raise FatalError(
            f"dataset {dataset}: the folder {field.name}={text} of {file} is not a valid {_SPELLED[str(field.type)]}",
            next_step=f"rename the folder, or declare another type for {field.name} under `partitions` in the catalog",
        ) from None


def _same_everywhere(levels: Mapping[str, Mapping[str, str | None]], dataset: str) -> list[str]:
    first, keys = next((file, list(own)) for file, own in levels.items())
    for file, own in levels.items():
        if list(own) != keys:
            raise FatalError(
                f"dataset {dataset}: files have different partition folders: {first} and {file}",
                next_step="give every file the same `key=value` folders, in the same order",
            )
    return keys


def _inferred(texts: set[str | None]) -> PartitionType:
    """Integer or date only if every value is one in its canonical form: `01` is text."""
    known = {text for text in texts if text is not None}
    if known and all(_INTEGER.fullmatch(text) for text in known):
        return "integer"
    return "date" if known and all(_is_date(text) for text in known) else "string"


def _levels(file: str) -> dict[str, str | None]:
    pairs = [level.split("=", 1) for level in file.split("/")[:-1] if "=" in level]
    return {unquote(key): None if value == _NULL else unquote(value) for key, value in pairs}


def _is_date(text: str) -> bool:
    try:
        _date(text)
    except ValueError:
        return False
    return True


def _date(text: str) -> datetime.date:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return datetime.date.fromisoformat(text)


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int64": _integer,
    "date32[day]": _date,
    "bool": _boolean,
}
_SPELLED = {"string": "text", "int64": "integer", "date32[day]": "date (2026-11-30)", "bool": "boolean (true, false)"}
