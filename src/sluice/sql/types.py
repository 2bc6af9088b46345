"""Types of columns that DuckDB does not have. Such a column can be delivered as it is, but not beside computed fields,
and SQL cannot use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = 38
"""The most digits of DuckDB's decimals."""


def is_foreign(kind: pa.DataType) -> bool:
    """Whether the engine does not have this type, or a type inside it: numbers of 16 bits, and decimals with more
    digits than its own."""
    import pyarrow as pa

    waiting = [kind]
    while waiting:  # not recursive, because types may be nested deeply
        one = waiting.pop()
        if pa.types.is_float16(one) or (pa.types.is_decimal(one) and one.precision > _DIGITS):
            return True
        waiting += [one.field(number).type for number in range(one.num_fields)]
        waiting += [one.value_type] if pa.types.is_dictionary(one) else []
    return False


def refuse_foreign(fields: Iterable[pa.Field]) -> None:
    """Raises `DefinitionError` for the first column that SQL cannot use."""
    for field in fields:
        if is_foreign(field.type):
            raise DefinitionError(
                f"column `{field.name}` is of type {field.type}, which SQL cannot use",
                next_step=f"leave it out, or write it in the data as a float or a decimal of at most {_DIGITS} digits",
            )
