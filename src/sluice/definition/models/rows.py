"""Row rules: which rows an export delivers, what happens to the others, and how many to expect."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from sluice.model.declared import Declared

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_PERCENT_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$", "examples": ["1%", "50%"]}


def _percent(value: Any) -> Any:
    """Read `50%` as 0.5."""
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("not a percentage: write a number and a percent sign, such as 50%")
    return float(found[1]) / 100


def _amount(value: Any) -> Any:
    """Read `100`, or `1%`."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not (text.isdigit() or _SHARE.fullmatch(text)):
        raise ValueError("not a number of rows: write a whole number, or a percentage such as 1%")
    return text


def _refused(value: Any) -> Any:
    """Read `fail`, the word for `refuse` in runs that an earlier version has staged."""
    return "refuse" if value == "fail" else value


Percent = Annotated[
    float,
    BeforeValidator(_percent),
    PlainSerializer(lambda share: f"{share * 100:.12g}%", return_type=str, when_used="json"),
    WithJsonSchema(_PERCENT_SCHEMA),
]
"""A percentage, such as `50%`, as a fraction."""

Amount = Annotated[
    str,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _PERCENT_SCHEMA]}),
]
"""A number of rows, or a percentage of them."""


def allowed(amount: str, rows: int) -> int:
    """The number of rows that an amount allows out of `rows`, rounded down."""
    share = _SHARE.fullmatch(amount)
    return int(Decimal(share[1]) * rows / 100) if share else int(amount)


class Unique(Declared):
    """Deduplication: one row per key is delivered. Duplicates are dropped and counted."""

    by: tuple[str, ...] = ()
    """The dataset's columns that identify duplicates. Default: the dataset's `key`. A row with a null in one of them is
    never a duplicate."""
    keep: Literal["first", "last"] = "last"
    """Which duplicate to keep, in the order of `order`."""
    order: str | None = None
    """The dataset's column that orders duplicates, nulls first. Ties keep the order of the data. Default: the order of
    the data."""


class Rejects(Declared):
    """Rows that cannot be delivered. They are written to a quarantine file with the reason, and counted."""

    max: Amount | None = None
    """The maximum number of rejected rows per feed: a number, or a percentage of its rows such as `1%`. Default: any
    number."""
    on_exceeded: Annotated[Literal["refuse", "hold"], BeforeValidator(_refused)] = "refuse"
    """What to do if a feed has more, before anything is sent: `refuse` the run, or `hold` it until someone releases
    it."""
    unfit_values: Literal["fail", "reject"] | None = None
    """What to do with a value that the format cannot represent: `fail` the run, or `reject` the row. With `reject`,
    `extract` tests every row once. Default: `fail`; with the format `audience-manager`, `reject`."""


class Expect(Declared):
    """The expected number of records per feed. Records are counted before anything is sent."""

    min_records: int | None = Field(default=None, ge=0)
    """The minimum number of records."""
    max_records: int | None = Field(default=None, ge=0)
    """The maximum number of records."""
    max_deviation: Percent | None = None
    """The maximum deviation from the mean of the last five published full deliveries, such as `50%`."""
    on_breach: Annotated[Literal["warn", "hold", "refuse"], BeforeValidator(_refused)] = "refuse"
    """What to do if the number is outside these limits: `warn` and continue, `hold` the run until someone releases it,
    or `refuse` it."""

    @model_validator(mode="after")
    def _a_range(self) -> Expect:
        if self.min_records is not None and self.max_records is not None and self.min_records > self.max_records:
            raise ValueError("`min_records` is greater than `max_records`: correct one of them")
        return self


WhenEmpty = Annotated[Literal["publish", "skip", "file", "refuse"], BeforeValidator(_refused)]
"""What a run without records does."""
