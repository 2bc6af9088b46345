"""Whether the columns of consent and suppression fit: a mistake here would deliver everyone, or no one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sluice.definition.models.consent import Consent, Suppression
from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa


def values_of(consent: Consent, kind: pa.DataType, dataset: str) -> pa.Array:
    """The values to look for in a column of this type. Raises `DefinitionError` if they cannot be in it: then every row
    would be delivered, or none."""
    import pyarrow as pa

    own, is_a = consent.values, f"dataset {dataset}: the column `{consent.column}` is of type {kind}"
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        wrong = [value for value in own if not isinstance(value, bool)]
        made = pa.array(own or [True], pa.bool_()) if not wrong else None
        advice = "write `true` or `false`, or leave out `values`"
    elif not own:
        raise DefinitionError(
            f"{is_a}, so it does not say by itself who agrees", next_step="add `values`, or name a column of booleans"
        )
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        wrong = [value for value in own if isinstance(value, bool) or not isinstance(value, int | float)]
        made = pa.array([float(value) for value in own], pa.float64()) if not wrong else None
        advice = "write numbers"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        wrong, advice = [], ""
        made = pa.array([_text(value) for value in own], pa.string())
    else:
        raise DefinitionError(f"{is_a}, which cannot express consent", next_step="name a column of booleans or text")
    if made is None:
        raise DefinitionError(f"{is_a}, so it has no value `{wrong[0]}`", next_step=advice)
    return made


def _text(value: str | float) -> str:
    return (value if isinstance(value, str) else str(value)).strip().lower()


class Side(NamedTuple):
    """One of the two columns that are compared."""

    dataset: str
    column: str
    kind: pa.DataType


def fit(rule: Suppression, ours: Side, theirs: Side) -> None:
    """Raises `DefinitionError` if the column of the list can never equal that of the feed's dataset, or its hash."""
    what = f"`{theirs.column}` of the list {theirs.dataset} is of type {theirs.kind}"
    if rule.hash and _family(theirs.kind) not in ("text", "binary"):
        raise DefinitionError(f"{what}, so it holds no hashes", next_step="name the column with the hashes")
    if not rule.hash and _family(ours.kind) != _family(theirs.kind):
        raise DefinitionError(
            f"{what}, but `{ours.column}` of {ours.dataset} is of type {ours.kind}: they cannot be compared",
            next_step="name columns of the same type in `column` and `by`",
        )


def _family(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return "binary"
    return str(kind)
