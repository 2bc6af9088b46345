"""The base of all declarations: a frozen model that refuses unknown keys, and the types of its fields."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

NAME = r"^[a-z][a-z0-9_-]{0,99}$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s(?:ec(?:onds?)?)?|m(?:in(?:utes?)?)?|h(?:ours?)?|d(?:ays?)?)(?![a-z])")
_LONGEST = 10 * 366 * 86400
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Declared(BaseModel):
    """A declaration. It is immutable and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inline: ClassVar[frozenset[str]] = frozenset()
    """The fields whose values are models, and whose keys stand at the level of this model's own keys in the file."""

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, data: Any) -> Any:
        """Refuse `threads: true`: Pydantic would accept `true` as 1. As text, it becomes a type error of its key."""
        wrong = [key for key in _numbers(cls) if isinstance(data.get(key), bool)] if isinstance(data, dict) else []
        return data | {key: str(data[key]).lower() for key in wrong} if wrong else data


@cache
def _numbers(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a number, required or optional."""
    numbers = ({int}, {float}, {int, float})
    kinds = {name: set(get_args(info.annotation) or (info.annotation,)) for name, info in model.model_fields.items()}
    return frozenset(name for name, kind in kinds.items() if kind - {type(None)} in numbers)


def read_duration(value: Any) -> Any:
    """Read `2s`, `30 min`, `6 hours` or `1h 30m`: one or more numbers with units."""
    if isinstance(value, timedelta):
        return value
    text = value.strip() if isinstance(value, str) else ""
    found = _DURATION.findall(text)
    if not found or _DURATION.sub("", text).strip():
        raise ValueError("not a duration: write a number and a unit, such as 2s, 30 min, 6 hours or 1 day")
    seconds = sum(float(n) * _SECONDS[u if u == "ms" else u[0]] for n, u in found)
    if seconds > _LONGEST:
        raise ValueError("longer than ten years: write a shorter duration")
    return timedelta(seconds=seconds)


def without_home(path: str) -> str | None:
    """The path without a leading `~`, the shell's home folder; None if it does not start with `~`."""
    first, _, rest = path.partition("/")
    return rest if first == "~" else None


def spell_duration(value: timedelta) -> str:
    """Format a duration as a declaration does, in the largest unit that divides it: `90s`, `12h`."""
    length = round(value / timedelta(milliseconds=1))
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if length % size == 0 and (length or unit == "s"):
            return f"{length // size}{unit}"
    return f"{length}ms"


def spell_size(value: int) -> str:
    """Format a number of bytes as a declaration does, in the largest unit that divides it: `64 MB`, `1 kB`."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value and value % size == 0:
            return f"{value // size} {unit}"
    return str(value)


Name = Annotated[str, Field(pattern=NAME)]
"""The name of a declaration: lower-case letters, digits, `_` and `-`, at most 100 characters."""


def _one_line(text: str) -> str:
    if wrong := _CONTROL.search(text):
        raise ValueError(f"the text contains the control character U+{ord(wrong[0]):04X}: delete it")
    return text


# Airflow stores all DAGs of a file together: one value that does not fit its column removes every export of the file.
# These are the limits of the columns in Airflow 3.3 (`dag.dag_display_name`, `log.owner`, `dag_tag.name`,
# `slot_pool.slots`, and `dag.description`, 65,535 bytes on MySQL) and of its rule for ids.
Title = Annotated[str, Field(max_length=2000), AfterValidator(_one_line)]
"""A display name: one line, at most 2,000 characters."""
Description = Annotated[str, Field(max_length=16_000)]
"""A description, at most 16,000 characters."""
Owner = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_one_line)]
"""A person or a team: one line, at most 500 characters."""
Tag = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
"""A tag: one line, at most 100 characters."""
Role = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^/]+$"), AfterValidator(_one_line)]
"""The name of a role of Airflow's FAB auth manager: one line without `/`, at most 64 characters."""
DagId = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=250)]
"""The id of any DAG: letters, digits, `_`, `.` and `-`, at most 250 characters."""
SLOTS = 2**31 - 1
"""The maximum number of slots of a pool."""

Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    Field(ge=timedelta(0)),
    PlainSerializer(spell_duration, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2s", "30 min", "6 hours"]}),
]
"""A duration: a number and a unit."""


def is_name(text: str) -> bool:
    """Whether the text is a valid name of a declaration."""
    return re.fullmatch(NAME, text) is not None
