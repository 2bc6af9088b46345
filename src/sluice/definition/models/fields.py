"""What a segment export sends of each row: columns, expressions and constants, under the names the target wants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sluice.model.declared import Declared


class Hash(Declared):
    """A hash in place of a value."""

    type: Literal["sha256"]
    """`sha256`: SHA-256 in lower-case hexadecimal, of the text that `normalize` leaves."""
    normalize: bool = True
    """Whether spaces around the text are cut off and the rest is lower-cased first: `  Ann@Example.com` and
    `ann@example.com` get one hash. `false` hashes the value's text as it is."""
    salt_conn_id: str | None = None
    """The Airflow connection (of type `generic`) whose password is the salt: the hash is then HMAC-SHA256 with the
    salt as its key. None unless given."""


class Mask(Declared):
    """Signs in place of a value's characters, but for some at one end."""

    keep: int = Field(default=4, ge=0, le=1000)
    """How many characters stay. A value that has no more than these is masked whole."""
    side: Literal["start", "end"] = "end"
    """Where they stand."""
    sign: str = Field(default="*", alias="with", min_length=1, max_length=1)
    """The character that takes the place of each other one."""


def _type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


HashEntry = Annotated[Hash, BeforeValidator(_type, json_schema_input_type=Literal["sha256"] | Hash)]
"""A hash: its type, or a mapping."""


class FieldSpec(Declared):
    """One field of the delivered rows. Exactly one of `field`, `sql` and `value` says where it comes from."""

    field: str | None = None
    """The column of the dataset, spelled exactly."""
    sql: str | None = None
    """One DuckDB expression over the dataset's columns."""
    value: str | int | float | bool | None = None
    """A constant, the same in every row."""
    name: str = Field(default="", alias="as")
    """The name in the delivered file; a column keeps its own name unless this is given."""
    hash: HashEntry | None = None
    """Replace the value by its hash. `sha256` is the hash of the text without the spaces around it and in lower case; a
    mapping hashes it as it is (`normalize: false`), or under a salt."""
    mask: Mask | None = None
    """Replace all but a few characters of the value's text by a sign."""
    required: bool = False
    """Rows without a value here are set aside and counted."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldSpec:
        given = [k for k in ("field", "sql", "value") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("a field has exactly one of `field`, `sql` and `value`")
        if not self.name and self.field is None:
            raise ValueError("a field made by `sql` or `value` needs a name: add `as`")
        if self.hash and self.mask:
            raise ValueError("a field is hashed or masked: delete `hash` or `mask`")
        return self

    @property
    def output(self) -> str:
        """The delivered column's name."""
        return self.name or self.field or ""

    @property
    def as_it_is(self) -> bool:
        """Whether it is a column's own value."""
        return self.field is not None and self.hash is None and self.mask is None


def _column(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


FieldEntry = Annotated[FieldSpec, BeforeValidator(_column, json_schema_input_type=str | FieldSpec)]
"""A field: a column's name, or a mapping."""
