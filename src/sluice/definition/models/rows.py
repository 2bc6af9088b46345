"""Which of its rows an export delivers, what becomes of the others, and how many are to be expected."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from sluice.model.declared import Declared

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_PERCENT_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$", "examples": ["1%", "50%"]}


def _percent(value: Any) -> Any:
    """`50%` as 0.5."""
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("not a share: write a number and a percent sign, such as 50%")
    return float(found[1]) / 100


def _amount(value: Any) -> Any:
    """`100`, or `1%`."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not (text.isdigit() or _SHARE.fullmatch(text)):
        raise ValueError("not a number of rows: write a whole number, or a share such as 1%")
    return text


Percent = Annotated[
    float,
    BeforeValidator(_percent),
    PlainSerializer(lambda share: f"{share * 100:.12g}%", return_type=str, when_used="json"),
    WithJsonSchema(_PERCENT_SCHEMA),
]
"""A share: a number and a percent sign."""

Amount = Annotated[
    str,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _PERCENT_SCHEMA]}),
]
"""A number of rows, or a share of them."""


def allowed(amount: str, rows: int) -> int:
    """How many of so many rows an amount comes to, rounded down."""
    share = _SHARE.fullmatch(amount)
    return int(Decimal(share[1]) * rows / 100) if share else int(amount)


class Unique(Declared):
    """One row a key: the others are duplicates, left out and counted."""

    by: tuple[str, ...] = ()
    """The columns of the dataset that make two rows the same; the dataset's `key` unless given. A row without a value
    in one of them is nobody's duplicate."""
    keep: Literal["first", "last"] = "last"
    """Which of them stays, in the order of `order`."""
    order: str | None = None
    """The column of the dataset that orders them; of equal ones, and without a column, the order of the data itself.
    A row without a value comes first."""


class Rejects(Declared):
    """Rows that cannot be delivered: they are set aside in a quarantine file, with the reason, and counted."""

    max: Amount | None = None
    """How many a feed may have: a number, or a share of its rows such as `1%`; any number unless given."""
    on_exceeded: Literal["fail", "hold"] = "fail"
    """What more of them do, before anything is sent: `fail` the run, or `hold` it until someone releases it."""
    unfit_values: Literal["fail", "reject"] = "fail"
    """What a value does that the format cannot hold: `fail` the run, or `reject` its row, for which `extract` writes
    every row once for trial."""


class Expect(Declared):
    """How many records a feed should have; counted before anything is sent."""

    min_records: int | None = Field(default=None, ge=0)
    """At least so many."""
    max_records: int | None = Field(default=None, ge=0)
    """At most so many."""
    max_deviation: Percent | None = None
    """How far the number may lie from the mean of the last five published full deliveries, such as `50%`."""
    on_breach: Literal["warn", "hold", "fail"] = "fail"
    """What a number beyond these does: `warn` and go on, `hold` the run until someone releases it, or `fail` it."""

    @model_validator(mode="after")
    def _a_range(self) -> Expect:
        if self.min_records is not None and self.max_records is not None and self.min_records > self.max_records:
            raise ValueError("`min_records` is more than `max_records`: correct one of the two")
        return self


WhenEmpty = Literal["publish", "skip", "file", "fail"]
"""What a run does that has no record to deliver."""
