"""Audience Manager's inbound files: one line per row, the visitor's id, a tab, and the traits, separated by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, model_validator

from sluice.errors import DefinitionError, FatalError
from sluice.formats.base import Refused, Repeats, Unfit, declared
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat, bytes_of, plain
from sluice.formats.traits import Cells, Form, Traits, is_list, why_no_key
from sluice.formats.values import in_cell
from sluice.formats.visitors import IdKind, wrong_id
from sluice.model.change import COLUMN

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

LONGEST = 102_400
"""The most bytes of a line, without its end. Audience Manager leaves out a longer line."""
LINES = 200
"""The most lines of one visitor in a file. Audience Manager discards the others."""
_TRAIT = re.compile(r"((d_sid|d_unsid)=[1-9][0-9]{0,17}|ic=[A-Za-z0-9_.-]{1,100})")


def _trait(text: str) -> str:
    if not _TRAIT.fullmatch(text):
        raise ValueError("not a trait: write d_sid=ID, d_unsid=ID or ic=CODE")
    return text


class WrongNames(NamedTuple):
    """A mistake in a declaration of the format."""

    key: str
    """The key of the format; empty if the mistake is in the fields."""
    what: str
    advice: str = ""
    known: tuple[str, ...] = ()


class Inbound(TextFormat):
    """Inbound files for Adobe Audience Manager. Every row is checked before anything is sent; a row that Audience
    Manager would not accept is rejected, unless the export says otherwise."""

    type: Literal["audience-manager"]
    content: Literal["traits", "ids"] = "traits"
    """What a line holds. `traits`: the visitor's id and traits. `ids`: all fields, each an id of the same visitor in
    another data source, for an ID sync."""
    user_id: str = ""
    """The field that holds the visitor's id. Default: that of the export's `audience`, otherwise the first field."""
    user_id_kind: IdKind = "dpuuid"
    """The kind of id. `aam-uuid`: Audience Manager's own id, or an ECID, of 38 digits. `dpuuid`: the id of your own
    data source, without colons. `idfa`, `gaid`, `roku`: advertising ids of devices. `any`: not checked."""
    kinds: Mapping[str, IdKind] = {}
    """The kinds of the other ids, with `content: ids`, by field. Default: `dpuuid`."""
    traits: tuple[Annotated[str, AfterValidator(_trait)], ...] = ()
    """The traits of every row, such as `d_sid=24` or `ic=52`. With `mode: changes`, rows that were removed have
    `d_unsid=24` in place of `d_sid=24`. Default: the trait of the export's `audience`."""
    forms: Mapping[str, Form] = {}
    """How the other fields are written. `key-value`: the field's name and value, `"gender"="m"`. `d_sid`, `d_unsid`,
    `ic`: each value is the id or the code of a trait. `list`: each value is a code, without `ic=`. `off`: not written.
    A field may be a list, except with `key-value`. Default: `key-value`."""
    removes: Literal["d_unsid", ":0", ":-1"] = "d_unsid"
    """How a trait is removed: `d_unsid=28`, `28:0` or `28:-1`."""

    unfit: ClassVar[Unfit] = "reject"

    @model_validator(mode="after")
    def _ids_alone(self) -> Inbound:
        if self.content == "ids" and (self.user_id or self.traits or self.forms):
            raise ValueError("with `content: ids`, every field is an id: delete `user_id`, `traits` and `forms`")
        if self.content == "traits" and self.kinds:
            raise ValueError("a line with traits has one id: declare `user_id_kind` instead of `kinds`")
        return self

    @property
    def extension(self) -> str:
        return self.named("sync")

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        if wrong := self.wrong_names(schema.names):
            raise DefinitionError(f"audience-manager: {wrong.what}", known=wrong.known, next_step=wrong.advice)

    def wrong_names(self, names: Sequence[str]) -> WrongNames | None:
        """What is wrong with the format for fields of these names; None if nothing is."""
        user = self.user_id or next(iter(names), "")
        if self.content == "ids":
            return self._wrong_ids(names)
        if user not in names:
            return WrongNames("user_id", f"there is no field `{user}` with the visitor's id", known=tuple(names))
        for name in self.forms:
            if name == user:
                return WrongNames("forms", f"`{name}` is the visitor's id, not a trait", "delete it from `forms`")
            if name not in names:
                return WrongNames("forms", f"there is no field `{name}`", "correct `forms`", tuple(names))
        for name in self._traits.keys(names, user):
            if why := why_no_key(name):
                advice = "rename the field with `as:`, or declare another form for it in `forms`"
                return WrongNames("", f"the name of the field `{name}` cannot be a key: {why}", advice)
        if not self._traits.some(names, user):
            return WrongNames(
                "", "there is no trait to write", "declare `traits` in the format, or deliver more fields"
            )
        return None

    def _wrong_ids(self, names: Sequence[str]) -> WrongNames | None:
        if lost := sorted(self.kinds.keys() - set(names)):
            return WrongNames("kinds", f"there is no field `{lost[0]}`", "correct `kinds`", tuple(names))
        if COLUMN in names:
            return WrongNames("", f"`{COLUMN}` is no id", "write `mode: full`: an ID sync removes nothing")
        few = len(names) < 2
        return WrongNames("", "an ID sync needs two ids", "deliver another id of the same visitor") if few else None

    def _why(self, field: pa.Field) -> str:
        if is_list(field.type) and self.forms.get(field.name, "key-value") not in ("key-value", "off"):
            field = field.with_type(field.type.value_type)
        return super()._why(field)

    def hold(self, kind: pa.DataType) -> Convert | None:
        import pyarrow as pa

        if isinstance(kind, pa.JsonType):
            raise Refused("JSON contains quotes, which cannot be in the value of a key")
        if pa.types.is_nested(kind) and not isinstance(kind, pa.RunEndEncodedType):
            raise Refused("a key has one value; declare a form for a list of traits in `forms`")
        return in_cell(kind)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        return TextEncoder(schema, self._rule, self._lines, self.compressor())

    def refusals(self, table: pa.Table, schema: pa.Schema) -> pa.ChunkedArray | pa.Array | None:
        import polars as pl
        import pyarrow as pa

        if not table.num_rows:
            return pa.array([], pa.string())
        try:
            cells = pl.from_arrow(plain(declared(table, schema), schema, [self._rule(kind) for kind in schema.types]))
        except FatalError:
            return None  # a value that no text format can hold: find its row by encoding
        assert isinstance(cells, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
        return self._written(cells)["why"].to_arrow()

    def repeats(self, names: Sequence[str]) -> Repeats | None:
        return Repeats(self._user(names), LINES) if self.content == "traits" else None

    def _rule(self, kind: pa.DataType) -> Convert | None:
        return in_cell(kind)

    @cached_property
    def _traits(self) -> Traits:
        return Traits(self.traits, self.forms, self.removes)

    def _ids(self, names: Sequence[str]) -> Sequence[str]:
        """The columns with ids."""
        return names if self.content == "ids" else [self._user(names)]

    def kind(self, name: str, ids: Sequence[str]) -> IdKind:
        """The kind of the ids in a column."""
        return self.kinds.get(name, self.user_id_kind if name == ids[0] else "dpuuid")

    def _user(self, names: Sequence[str]) -> str:
        return self.user_id or next(iter(names), "")

    def _lines(self, rows: pl.DataFrame) -> bytes:
        written = self._written(rows)
        if (wrong := written["why"].drop_nulls()).len():
            raise FatalError(
                f"{wrong[0]}: {wrong.len():,} of {rows.height:,} rows cannot be written",
                next_step="declare `rejects: {unfit_values: reject}`, or correct the data",
            )
        return bytes_of(written["line"])

    def _written(self, rows: pl.DataFrame) -> pl.DataFrame:
        """For each row its line, and why it cannot be written, or null."""
        import polars as pl

        cells = Cells.of(rows)
        ids = self._ids(rows.columns)
        texts = {name: cells.column(name).cast(pl.String) for name in ids}
        wrong = [wrong_id(text, name, self.kind(name, ids)) for name, text in texts.items()]
        traits = [] if self.content == "ids" else list(self._traits.columns(cells, ids[0]))
        found = cells.frame.select(
            pl.concat_str(list(texts.values()), separator="\t", ignore_nulls=True).alias("ids"),
            pl.coalesce([*wrong, pl.lit(None, pl.String)]).alias("wrong"),
            *(traits or (pl.lit(None, pl.String).alias("traits"), pl.lit(None, pl.String).alias("why"))),
        )
        tab = pl.when(pl.col("traits").is_not_null()).then(pl.lit("\t"))
        line = pl.concat_str(pl.col("ids"), tab, pl.col("traits"), pl.lit("\n"), ignore_nulls=True)
        return found.with_columns(line.alias("line")).select(
            "line", pl.coalesce("wrong", "why", self._wrong_line()).alias("why")
        )

    def _wrong_line(self) -> pl.Expr:
        import polars as pl

        long = pl.col("line").str.len_bytes() > LONGEST + 1
        bare = pl.col("traits").is_null() & pl.lit(self.content == "traits")
        return pl.coalesce(
            pl.when(bare).then(pl.lit("the row has no trait")),
            pl.when(long).then(pl.lit(f"the line has more than {LONGEST:,} bytes")),
        )
