"""Changes the text of a declaration to the values of a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.definition.edit.key import put, take_out
from sluice.definition.yaml.parse import parse


def with_values(data: bytes, file: str, values: Mapping[str, Any]) -> bytes:
    """The text with other values. Keys that are equal stay as they are, with their comments.

    Raises `DefinitionError` if a key cannot be edited."""
    before: dict[str, Any] = parse(data, file).value
    for key in before.keys() - values.keys():
        data = take_out(data, file, key)
    above = ""
    for key, value in values.items():
        if key not in before or before[key] != value or type(before[key]) is not type(value):
            data = put(data, file, key, value, after=above)
        above = key
    return data
