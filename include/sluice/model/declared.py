"""What every declared thing shares: a frozen model that refuses unknown keys, and the words its fields use."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

NAME = r"^[a-z][a-z0-9_-]{0,99}$"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s(?:ec(?:onds?)?)?|m(?:in(?:utes?)?)?|h(?:ours?)?|d(?:ays?)?)(?![a-z])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Declared(BaseModel):
    """A declaration: cannot change once read, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _duration(value: Any) -> Any:
    """`2s`, `30 min`, `6 hours`, `1h 30m`: a number and a unit, more than once if need be."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    found = _DURATION.findall(text)
    if not found or _DURATION.sub("", text).strip():
        raise ValueError("not a duration: write a number and a unit, such as 2s, 30 min, 6 hours or 1 day")
    return timedelta(seconds=sum(float(n) * _SECONDS[u if u == "ms" else u[0]] for n, u in found))


def _spell_duration(value: timedelta) -> str:
    return f"{value.total_seconds():g}s"


Name = Annotated[str, Field(pattern=NAME)]
"""The name of a declared thing: lower-case letters, digits, `_` and `-`, at most 100 characters."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    Field(ge=timedelta(0)),
    PlainSerializer(_spell_duration, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2s", "30 min", "6 hours"]}),
]
"""A length of time: a number and a unit."""
