"""Traits of Audience Manager's inbound files: how constants and columns become the second half of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sluice.model.change import COLUMN

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Form = Literal["key-value", "d_sid", "d_unsid", "ic", "list", "off"]
_PREFIXES: Mapping[str, str] = {"d_sid": "d_sid=", "d_unsid": "d_unsid=", "ic": "ic=", "list": ""}
_VALUES: Mapping[str, tuple[str, str]] = {
    "d_sid": (r"^[0-9]{1,18}$", "contains something else than the id of a trait"),
    "d_unsid": (r"^[0-9]{1,18}$", "contains something else than the id of a trait"),
    "ic": (r'^[^\x00-\x1f\x7f",]+$', "contains a comma, a quote or a control character"),
    "list": (r'^[^\x00-\x1f\x7f",=:]+$', "contains a comma, a quote, `=`, `:` or a control character"),
    "key-value": (r'^[^\x00-\x1f\x7f"]*$', "contains a quote, a tab, a line break or a control character"),
}
"""The pattern of the values of each form, and what is wrong with any other."""
_KEY = re.compile(r'[\x00-\x1f\x7f"]')


def why_no_key(name: str) -> str:
    """Why a name cannot be the key of a pair; empty if it can."""
    if _KEY.search(name):
        return "it contains a quote or a control character"
    return "Audience Manager ignores a dash at its start" if name.startswith("-") else ""


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists of any layout."""
    import pyarrow as pa

    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(test(kind) for test in tests) or bool(pa.types.is_large_list_view(kind))


@dataclass(frozen=True)
class Cells:
    """Rows whose columns have names without a meaning of their own: to Polars, `*` and `^x$` are patterns."""

    frame: pl.DataFrame
    places: Mapping[str, str]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Cells:
        places = {name: f"c{number}" for number, name in enumerate(rows.columns)}
        return cls(rows.rename(places), places)

    def column(self, name: str) -> pl.Expr:
        import polars as pl

        return pl.col(self.places[name])

    def is_list(self, name: str) -> bool:
        return self.frame.schema[self.places[name]].is_nested()


@dataclass(frozen=True)
class Traits:
    """The traits of each row: those of `constants`, then those of its columns, in the order of the columns."""

    constants: Sequence[str]
    forms: Mapping[str, Form]
    removes: str

    def form(self, name: str) -> Form:
        return self.forms.get(name, "key-value")

    def written(self, names: Sequence[str], user: str) -> list[str]:
        """The columns that are written as traits."""
        return [name for name in names if name not in (user, COLUMN) and self.form(name) != "off"]

    def keys(self, names: Sequence[str], user: str) -> list[str]:
        """The columns whose names are keys."""
        return [name for name in self.written(names, user) if self.form(name) == "key-value"]

    def some(self, names: Sequence[str], user: str) -> bool:
        """Whether a line can have traits at all."""
        return bool(self.constants) or bool(self.written(names, user))

    def columns(self, cells: Cells, user: str) -> Iterator[pl.Expr]:
        """Two columns: `traits`, null without any, and `why`, the reason why the row's values are not traits, or
        null."""
        import polars as pl

        names = self.written(list(cells.places), user)
        removed = cells.column(COLUMN) == "removed" if COLUMN in cells.places else pl.lit(value=False)
        parts = [self._constant(one, removed) for one in self.constants]
        parts += [self._column(cells, name) for name in names]
        joined = pl.concat_str(parts, separator=",", ignore_nulls=True) if parts else pl.lit(None, pl.String)
        yield pl.when(joined == "").then(None).otherwise(joined).alias("traits")
        reasons = [self._wrong(cells, name) for name in names]
        yield pl.coalesce([*reasons, pl.lit(None, pl.String)]).alias("why")

    def _constant(self, trait: str, removed: pl.Expr) -> pl.Expr:
        import polars as pl

        prefix, _, number = trait.partition("=")
        gone = self._removal(number) if prefix == "d_sid" else trait if prefix == "d_unsid" else None
        kept = self._removal(number) if prefix == "d_unsid" else trait
        return pl.when(removed).then(pl.lit(gone, pl.String)).otherwise(pl.lit(kept))

    def _removal(self, number: str) -> str:
        return f"d_unsid={number}" if self.removes == "d_unsid" else f"{number}{self.removes}"

    def _column(self, cells: Cells, name: str) -> pl.Expr:
        import polars as pl

        form, values = self.form(name), cells.column(name)
        if cells.is_list(name):
            return self._many(values, form)
        value = values.cast(pl.String)
        wanted = value.is_not_null() & (value != "")
        start, end = (f'"{name}"="', '"') if form == "key-value" else self._around(form)
        return pl.when(wanted).then(pl.concat_str(pl.lit(start), value, pl.lit(end)))

    def _many(self, values: pl.Expr, form: Form) -> pl.Expr:
        import polars as pl

        start, end = self._around(form)
        each = pl.concat_str(pl.lit(start), pl.element().cast(pl.String), pl.lit(end))
        joined = values.list.drop_nulls().list.eval(each).list.join(",")
        return pl.when(joined != "").then(joined)

    def _around(self, form: Form) -> tuple[str, str]:
        return ("", self.removes) if form == "d_unsid" and self.removes != "d_unsid" else (_PREFIXES[form], "")

    def _wrong(self, cells: Cells, name: str) -> pl.Expr:
        import polars as pl

        (pattern, said), values = _VALUES[self.form(name)], cells.column(name)
        if cells.is_list(name):
            element = pl.element().cast(pl.String)
            wrong = values.list.drop_nulls().list.eval(~element.str.contains(pattern)).list.any()
        else:
            value = values.cast(pl.String)
            wrong = (value != "") & ~value.str.contains(pattern)
        return pl.when(wrong).then(pl.lit(f"column `{name}` {said}"))
