"""The exam of formats: what an encoder writes is read back by a reader that is not the connector's own."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sluice.errors import DefinitionError, FatalError
from sluice.formats.base import Format
from sluice.testing.bodies import MOST_MEMORY, PeakMemory
from sluice.testing.values import CASES, HOSTILE, REFUSED, Case

Rows = list[dict[str, Any]]
Read = Callable[[bytes, Sequence[str]], Rows]
Spell = Callable[[Case], list[Any]]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def digest(data: bytes) -> str:
    """Stands for a whole file in a comparison: pytest would compare megabytes line by line, for minutes in CI."""
    return hashlib.sha256(data).hexdigest()


def write(format: Format, *tables: pa.Table) -> bytes:
    """The bytes of one part with the rows of these tables."""
    encoder = format.encoder(tables[0].schema)
    pieces = [piece for table in tables for piece in encoder.encode(table)]
    return b"".join([*pieces, *encoder.close()])


def next_to_numbers(values: pa.Array) -> pa.Table:
    return pa.table({"c": values, "i": range(len(values))})


@cache
def profiles(rows: int) -> pa.Table:
    """Rows with repeats, surprises and nulls, enough for several slices, blocks and row groups."""
    chance = random.Random(rows)
    words = [chance.choice(["Ann", "Béla", "O'Neil", ""]) + str(chance.randrange(10**9)) for _ in range(rows)]
    return pa.table(
        {
            "c": pa.array(None if chance.random() < 0.1 else word for word in words),
            "i": range(rows),
            "at": pa.array([chance.randrange(10**15) for _ in range(rows)], pa.timestamp("us", "UTC")),
            "score": [chance.random() for _ in range(rows)],
            "tags": [[f"t{i % 7}"] * (i % 4) for i in range(rows)],
            "city": pa.array([f"City {i % 30}" for i in range(rows)]).dictionary_encode(),
        }
    )


class FormatExam:
    """Override `format` and `read`; the other fixtures are claims with defaults."""

    @pytest.fixture
    def format(self) -> Format:
        """The format, as an export declares it."""
        raise NotImplementedError("override the fixture `format`: one of your formats, as it is declared")

    @pytest.fixture
    def read(self) -> Read:
        """A reader that is not yours: the bytes of a file, and the columns' names for a file that holds none, give a
        dictionary for each row."""
        raise NotImplementedError("override the fixture `read`: a function of a file's bytes and its columns' names")

    @pytest.fixture
    def spelled(self) -> Spell:
        """What the reader finds in place of a case's values. Default: the values as Python has them. Sluice's own text
        formats are `case.json` and `case.cells`."""
        return lambda case: case.values

    @pytest.fixture
    def refuses(self) -> Collection[str]:
        """Names of `CASES` and `REFUSED` in `sluice.testing.values` whose type the format cannot hold. Default: those
        of `REFUSED`."""
        return REFUSED

    @pytest.fixture
    def separators(self) -> str:
        """Characters that no value and no name may have, because no reader could tell where it ends. Default: none."""
        return ""

    @pytest.fixture
    def many(self, format: Format) -> pa.Table:
        """Rows for several of the format's blocks: without the columns that it refuses."""
        table = profiles(70_000)
        return table.select([field.name for field in table.schema if _holds(format, field)])

    @every_case
    def test_every_type_reads_back_as_documented(
        self, format: Format, read: Read, spelled: Spell, refuses: Collection[str], case: Case
    ) -> None:
        table = next_to_numbers(case.array)
        if case.name in refuses:
            assert_refused(format, case.array.type)
            return
        format.check(table.schema)
        found = columns(read(write(format, table), ["c", "i"]), ["c", "i"])
        assert repr(found["c"]) == repr(spelled(case)), "by their repr, because NaN is not equal to itself"
        assert [int(i) for i in found["i"]] == list(range(len(case.array)))

    @every_case
    def test_rows_in_the_middle_of_a_longer_table(
        self, format: Format, read: Read, spelled: Spell, refuses: Collection[str], case: Case
    ) -> None:
        """A slice of an Arrow array still carries its neighbours; they must not leak."""
        if case.name in refuses:
            assert_refused(format, case.array.type)
            return
        table = next_to_numbers(pa.concat_arrays([case.array] * 3)).slice(len(case.array), len(case.array))
        found = columns(read(write(format, table), ["c", "i"]), ["c", "i"])
        assert repr(found["c"]) == repr(spelled(case))

    @pytest.mark.parametrize("name", REFUSED)
    def test_a_type_it_cannot_hold_is_refused_by_name(
        self, format: Format, read: Read, spelled: Spell, refuses: Collection[str], name: str
    ) -> None:
        if name in refuses:
            assert_refused(format, REFUSED[name].type)
            return
        found = columns(read(write(format, next_to_numbers(REFUSED[name])), ["c", "i"]), ["c", "i"])
        assert found["c"] == spelled(Case(name, REFUSED[name], json=[], cells=[]))

    def test_no_columns_and_two_of_one_name_are_refused(self, format: Format) -> None:
        with pytest.raises(DefinitionError, match="no columns"):
            format.check(pa.schema([]))
        with pytest.raises(DefinitionError, match="column 2 has no name"):
            format.check(pa.schema([("a", pa.int64()), ("", pa.int64())]))
        with pytest.raises(DefinitionError, match="`a`"):
            format.check(pa.schema([("a", pa.int64()), ("b", pa.int64()), ("a", pa.string())]))

    @pytest.mark.parametrize("rows", [0, 1])
    def test_no_rows_and_one_row(self, format: Format, read: Read, rows: int) -> None:
        table = next_to_numbers(pa.array(["x"])).slice(0, rows)
        data = write(format, table)
        assert columns(read(data, ["c", "i"]), ["c", "i"])["c"] == ["x"] * rows
        assert data == b"".join(format.encoder(table.schema).close()) or rows

    def test_hostile_strings_survive_or_are_refused(self, format: Format, read: Read, separators: str) -> None:
        for value in HOSTILE:
            table = next_to_numbers(pa.array(["before", value, "after"]))
            if set(value) & set(separators):
                with pytest.raises(FatalError, match="`c`"):
                    write(format, table)
            else:
                found = columns(read(write(format, table), ["c", "i"]), ["c", "i"])
                assert found["c"] == ["before", value, "after"]

    def test_hostile_names(self, format: Format, read: Read, separators: str) -> None:
        for name in ("a,b", 'q"q', "*", "^c$", "é\t|"):
            table = pa.table({name: [1], "i": [2]})
            if set(name) & set(separators):
                with pytest.raises(DefinitionError):
                    format.check(table.schema)
                continue
            format.check(table.schema)
            (row,) = read(write(format, table), table.column_names)
            assert {column: int(value) for column, value in row.items()} == {name: 1, "i": 2}

    def test_rows_of_other_columns_fail(self, format: Format) -> None:
        encoder = format.encoder(pa.schema([("a", pa.int64()), ("b", pa.string())]))
        with pytest.raises(FatalError, match="columns"):
            list(encoder.encode(pa.table({"a": [1], "c": ["x"]})))
        with pytest.raises(FatalError, match="type"):
            list(encoder.encode(pa.table({"a": [1.5], "b": ["x"]})))

    def test_the_same_rows_give_the_same_bytes_however_they_are_split(self, format: Format, many: pa.Table) -> None:
        whole = digest(write(format, many))
        assert digest(write(format, many)) == whole
        chance = random.Random(7)
        for count in (1, 40):
            cuts = sorted({0, many.num_rows, *(chance.randrange(many.num_rows) for _ in range(count))})
            pieces = [many.slice(start, end - start) for start, end in pairwise(cuts)]
            assert digest(write(format, many.slice(0, 0), *pieces)) == whole
            alone = [pa.Table.from_batches([piece.combine_chunks().to_batches()[0]]) for piece in pieces]
            assert digest(write(format, *alone)) == whole

    def test_an_encoder_holds_no_more_than_it_says(self, format: Format) -> None:
        """Hundreds of megabytes of rows; each table is made for it alone and dropped."""
        text = random.Random(1).randbytes(500).hex()
        rows, width = 16_000, len(text) + 8
        encoder = format.encoder(pa.schema([("i", pa.int64()), ("text", pa.string())]))

        def encoded(turn: int) -> int:
            numbers = range(turn * rows, turn * rows + rows)
            texts = pc.binary_join_element_wise(pa.array(numbers).cast(pa.string()), text, "")
            table = pa.table({"i": numbers, "text": pc.utf8_slice_codeunits(texts, 0, len(text))})
            return sum(len(piece) for piece in encoder.encode(table))

        written = encoded(0)  # what the libraries load once is not the encoder's
        with PeakMemory() as memory:
            written += sum(encoded(turn) for turn in range(1, 20))
        assert written + sum(len(piece) for piece in encoder.close()) > 0
        assert memory.grown < MOST_MEMORY + format.holds(width)


def columns(rows: Rows, names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def assert_refused(format: Format, kind: pa.DataType) -> None:
    """The page names the column and its type, and no other column."""
    with pytest.raises(DefinitionError, match="`wrong one`") as refused:
        format.check(pa.schema([("ok", pa.int64()), ("wrong one", kind)]))
    assert str(kind) in refused.value.what
    assert "`ok`" not in refused.value.what
    assert refused.value.next_step


def _holds(format: Format, field: pa.Field) -> bool:
    try:
        format.check(pa.schema([field]))
    except DefinitionError:
        return False
    return True
