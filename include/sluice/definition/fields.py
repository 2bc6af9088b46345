"""What a segment export sends of each row: columns, expressions and constants, under the names the target wants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sluice.model.declared import Declared


class FieldSpec(Declared):
    """One field of the delivered rows. Exactly one of `field`, `sql` and `value` says where it comes from."""

    field: str | None = None
    """The column of the dataset."""
    sql: str | None = None
    """A DuckDB expression over the dataset's columns."""
    value: str | int | float | bool | None = None
    """A constant, the same in every row."""
    name: str = Field(default="", alias="as")
    """The name in the delivered file; a column keeps its own name unless this is given."""
    hash: Literal["sha256"] | None = None
    """Replace the value by its hash: SHA-256 of the trimmed, lower-cased text, in lower-case hexadecimal."""
    required: bool = False
    """Rows without a value here are set aside and counted."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldSpec:
        given = [k for k in ("field", "sql", "value") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("a field has exactly one of `field`, `sql` and `value`")
        if not self.name and self.field is None:
            raise ValueError("a field made by `sql` or `value` needs a name: add `as`")
        return self

    @property
    def output(self) -> str:
        """The delivered column's name."""
        return self.name or self.field or ""


def _column(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


FieldEntry = Annotated[FieldSpec, BeforeValidator(_column, json_schema_input_type=str | FieldSpec)]
"""A field: a column's name, or a mapping."""
