"""The fields of a segment export: columns, expressions and constants, under the names that the target needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sluice.model.declared import Declared


class Hash(Declared):
    """Replaces a value with its hash."""

    type: Literal["sha256"]
    """`sha256`: SHA-256 in lower-case hexadecimal, computed after `normalize`."""
    normalize: bool = True
    """Whether to trim and lower-case the text before hashing, so that `  Ann@Example.com` and `ann@example.com` get the
    same hash. With `false`, the text is hashed unchanged."""
    salt_conn_id: str | None = None
    """The Airflow connection, of type `generic`, whose password is the salt. The hash is then HMAC-SHA256 with the salt
    as its key. Default: no salt."""


class Mask(Declared):
    """Replaces the characters of a value, except some at one end."""

    keep: int = Field(default=4, ge=0, le=1000)
    """The number of characters to keep. A value of this length or shorter is masked completely."""
    side: Literal["start", "end"] = "end"
    """The end of the value at which characters are kept."""
    sign: str = Field(default="*", alias="with", min_length=1, max_length=1)
    """The character that replaces each of the others."""


def _type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


HashEntry = Annotated[Hash, BeforeValidator(_type, json_schema_input_type=Literal["sha256"] | Hash)]
"""A hash as its type, or as a mapping."""


class FieldSpec(Declared):
    """One field of the delivered rows, with exactly one of `field`, `sql`, `metric` and `value`."""

    field: str | None = None
    """The dataset's column. The spelling must match exactly."""
    sql: str | None = None
    """One DuckDB expression over the dataset's columns."""
    metric: str | None = None
    """A metric of the dataset."""
    value: str | int | float | bool | None = None
    """A constant, the same in every row."""
    name: str = Field(default="", alias="as")
    """The name in the delivered file. Default: the name of the column or the metric."""
    hash: HashEntry | None = None
    """Replace the value with its hash. `sha256` trims and lower-cases the text first; a mapping can hash it unchanged
    (`normalize: false`) or add a salt."""
    mask: Mask | None = None
    """Replace all but a few characters of the value's text."""
    required: bool = False
    """Whether a row with a null or an empty text here is rejected: written to the quarantine file and counted."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldSpec:
        given = [k for k in ("field", "sql", "metric", "value") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("a field needs exactly one of `field`, `sql`, `metric` and `value`")
        if not self.name and self.field is None and self.metric is None:
            raise ValueError("a field with `sql` or `value` needs a name: add `as`")
        if self.hash and self.mask:
            raise ValueError("a field cannot be both hashed and masked: delete `hash` or `mask`")
        return self

    @property
    def output(self) -> str:
        """The delivered column's name."""
        return self.name or self.field or self.metric or ""

    def computed(self, metrics: Mapping[str, str]) -> FieldSpec:
        """The field with the expression of its metric, which must be one of `metrics`; itself if it has none."""
        if self.metric is None:
            return self
        return self.model_copy(update={"sql": metrics[self.metric], "metric": None, "name": self.output})

    @property
    def as_it_is(self) -> bool:
        """Whether it delivers a column unchanged."""
        return self.field is not None and self.hash is None and self.mask is None


def _column(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


FieldEntry = Annotated[FieldSpec, BeforeValidator(_column, json_schema_input_type=str | FieldSpec)]
"""A field as a column's name, or as a mapping."""
