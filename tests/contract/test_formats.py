"""The exam of formats: every registered one, written by its encoder and read back by a reader that is not ours."""

from __future__ import annotations

import random
import subprocess
import sys
import zlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.errors import DefinitionError, FatalError
from sluice.formats import FORMATS
from tests.contract.format_cases import CASES, HOSTILE, REFUSED, Case
from tests.contract.format_variants import VARIANTS, Variant, duckdb_rows, write

every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
one_of_each = pytest.mark.parametrize("variant", {v.type: v for v in reversed(VARIANTS)}.values(), ids=lambda v: v.type)


def beside_numbers(values: pa.Array) -> pa.Table:
    return pa.table({"c": values, "i": range(len(values))})


def read(variant: Variant, data: bytes, names: list[str]) -> dict[str, list[Any]]:
    rows = variant.read(data, names)
    return {name: [row[name] for row in rows] for name in names}


def test_no_registered_format_is_missing() -> None:
    assert {variant.type for variant in VARIANTS} == set(FORMATS)


@every_variant
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_type_reads_back_as_documented(variant: Variant, case: Case) -> None:
    table = beside_numbers(case.array)
    declared = variant.declare()
    declared.check(table.schema)
    found = read(variant, write(declared, table), ["c", "i"])
    # NaN is not equal to itself, and its text is.
    assert repr(found["c"]) == repr(variant.expected(case))
    assert [int(i) for i in found["i"]] == list(range(len(case.array)))


@pytest.mark.slow
@every_variant
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_in_the_middle_of_a_longer_table(variant: Variant, case: Case) -> None:
    """A slice of an Arrow array still carries its neighbours; they must not leak."""
    table = beside_numbers(pa.concat_arrays([case.array] * 3)).slice(len(case.array), len(case.array))
    found = read(variant, write(variant.declare(), table), ["c", "i"])
    assert repr(found["c"]) == repr(variant.expected(case))


@every_variant
@pytest.mark.parametrize("name", REFUSED)
def test_a_type_it_cannot_hold_is_refused_by_name(variant: Variant, name: str) -> None:
    schema = pa.schema([("ok", pa.int64()), ("wrong one", REFUSED[name].type)])
    with pytest.raises(DefinitionError, match="`wrong one`") as refused:
        variant.declare().check(schema)
    assert str(REFUSED[name].type) in refused.value.what
    assert "`ok`" not in refused.value.what
    assert "sql:" in refused.value.next_step


@every_variant
def test_no_columns_and_two_of_one_name_are_refused(variant: Variant) -> None:
    declared = variant.declare()
    with pytest.raises(DefinitionError, match="no columns"):
        declared.check(pa.schema([]))
    with pytest.raises(DefinitionError, match="column 2 has no name"):
        declared.check(pa.schema([("a", pa.int64()), ("", pa.int64())]))
    with pytest.raises(DefinitionError, match="`a`"):
        declared.check(pa.schema([("a", pa.int64()), ("b", pa.int64()), ("a", pa.string())]))


@every_variant
@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one_row(variant: Variant, rows: int) -> None:
    table = beside_numbers(pa.array(["x"])).slice(0, rows)
    data = write(variant.declare(), table)
    assert read(variant, data, ["c", "i"])["c"] == ["x"] * rows
    if variant.names and variant.holds != "json":
        assert b"c" in (zlib.decompress(data, 31) if data[:2] == b"\x1f\x8b" else data)
    assert data == b"".join(variant.declare().encoder(table.schema).close()) or rows


@every_variant
def test_hostile_strings_survive_or_are_refused(variant: Variant) -> None:
    for value in HOSTILE:
        table = beside_numbers(pa.array(["before", value, "after"]))
        if not variant.any_text and set(value) & set("\r\n\x1f"):
            with pytest.raises(FatalError, match="`c`"):
                write(variant.declare(), table)
        else:
            found = read(variant, write(variant.declare(), table), ["c", "i"])
            assert found["c"] == ["before", value, "after"]


@every_variant
def test_hostile_names(variant: Variant) -> None:
    names = ["a,b", 'q"q', "*", "^c$", "é\t|"]
    if not variant.any_text:
        names = ["a,b", "*", "^c$", "é"]
    table = pa.table({name: [position] for position, name in enumerate(names)})
    options = {**variant.options}
    if variant.type == "template":
        options["template"] = "".join(f"%{i}%\x1f" for i in range(1, len(names) + 1)) + r"\r\n"
    declared = FORMATS[variant.type](type=variant.type, **options)
    declared.check(table.schema)
    found = variant.read(write(declared, table), names)
    assert [{name: int(value) for name, value in row.items()} for row in found] == table.to_pylist()


@every_variant
def test_rows_of_other_columns_fail(variant: Variant) -> None:
    encoder = variant.declare().encoder(pa.schema([("a", pa.int64()), ("b", pa.string())]))
    with pytest.raises(FatalError, match="columns"):
        list(encoder.encode(pa.table({"a": [1], "c": ["x"]})))
    with pytest.raises(FatalError, match="type"):
        list(encoder.encode(pa.table({"a": [1.5], "b": ["x"]})))


@every_variant
@pytest.mark.parametrize("days", [-719_163, 2_932_897])
def test_dates_outside_four_digit_years(variant: Variant, days: int) -> None:
    for values in (
        pa.array([days], pa.date32()),
        pa.array([days * 86_400], pa.timestamp("s", "UTC")),
        pa.array([[days]], pa.list_(pa.date32())),
    ):
        table = beside_numbers(values)
        if variant.holds == "parquet":
            assert write(variant.declare(), table)
            continue
        with pytest.raises(FatalError, match=r"`c`.*0001 to 9999"):
            write(variant.declare(), table)


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


@pytest.mark.slow
@every_variant
def test_the_same_rows_give_the_same_bytes_however_they_are_split(variant: Variant) -> None:
    table = profiles(70_000)
    if variant.options.get("row_group"):
        table = table.slice(5, 301)
    whole = write(variant.declare(), table)
    assert write(variant.declare(), table) == whole
    chance = random.Random(7)
    for count in (1, 40):
        cuts = sorted({0, table.num_rows, *(chance.randrange(table.num_rows) for _ in range(count))})
        pieces = [table.slice(start, end - start) for start, end in pairwise(cuts)]
        assert write(variant.declare(), table.slice(0, 0), *pieces) == whole
        alone = [pa.Table.from_batches([piece.combine_chunks().to_batches()[0]]) for piece in pieces]
        assert write(variant.declare(), *alone) == whole


MEMORY = """
import sys, resource, json, pyarrow as pa
from sluice.formats import FORMATS
options, times = json.loads(sys.argv[1]), int(sys.argv[2])
rows = 60_000
table = pa.table({"a": range(rows), "b": [f"value {i * 7919 % 1000003} of many" for i in range(rows)]})
encoder = FORMATS[options["type"]](**options).encoder(table.schema)
written = sum(len(piece) for _ in range(times) for piece in encoder.encode(table))
assert written + sum(len(piece) for piece in encoder.close()) > times * 50_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@one_of_each
def test_memory_does_not_grow_with_rows(variant: Variant) -> None:
    """Peak MB of a process that writes 0.5 and 2.9 million rows."""
    import json

    def peak(times: int) -> int:
        options = json.dumps({"type": variant.type, **variant.options})
        run = subprocess.run([sys.executable, "-c", MEMORY, options, str(times)], capture_output=True, text=True,
                             check=True, env={"PYTHONPATH": str(Path("src").resolve())})  # fmt: skip
        return int(run.stdout)

    few, many = peak(8), peak(48)
    assert many < few * 1.1 + 16, f"{few} MB for 0.5 million rows, {many} MB for 2.9 million"


# DuckDB, where the reader above cannot see a difference or is the writer's own sister.

PROFILE = pa.table(
    {
        "id": [1, 2, 3],
        "name": ["Zoë", "", None],
        "at": pa.array([0, 1, None], pa.timestamp("us", "UTC")),
        "born": pa.array([0, 1, None], pa.date32()),
        "paid": pa.array([1.5, None, 2.0]),
        "tags": [["a"], [], None],
    }
)


def test_duckdb_reads_json(tmp_path: Path) -> None:
    (tmp_path / "p.json.gz").write_bytes(write(FORMATS["json"](type="json"), PROFILE))
    rows = duckdb_rows(str(tmp_path / "p.json.gz"), "read_json('{path}', format = 'newline_delimited')")
    assert [(row[0], row[1], row[4], row[5]) for row in rows] == [
        (1, "Zoë", 1.5, ["a"]), (2, "", None, []), (3, None, 2.0, None)]  # fmt: skip
    assert [str(row[3]) for row in rows] == ["1970-01-01", "1970-01-02", "None"]


@pytest.mark.parametrize("quoting", ["minimal", "non-numeric"])
def test_duckdb_tells_null_from_an_empty_string_in_csv(tmp_path: Path, quoting: str) -> None:
    (tmp_path / "p.csv.gz").write_bytes(write(FORMATS["csv"](type="csv", quoting=quoting), PROFILE))
    call = "read_csv('{path}', all_varchar = true, nullstr = '', allow_quoted_nulls = false)"
    assert [row[:5] for row in duckdb_rows(str(tmp_path / "p.csv.gz"), call)] == [
        ("1", "Zoë", "1970-01-01T00:00:00.000000Z", "1970-01-01", "1.5"),
        ("2", "", "1970-01-01T00:00:00.000001Z", "1970-01-02", None),
        ("3", None, None, None, "2.0"),
    ]


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "zstd"])
def test_duckdb_reads_parquet(tmp_path: Path, compression: str) -> None:
    declared = FORMATS["parquet"](type="parquet", compression=compression)
    (tmp_path / "p.parquet").write_bytes(write(declared, PROFILE))
    columns = 'struct_pack(id, name, at := epoch_us("at"), born := born::VARCHAR, paid, tags)'
    call = f"(FROM '{{path}}' SELECT UNNEST({columns}))"
    assert duckdb_rows(str(tmp_path / "p.parquet"), call) == [
        (1, "Zoë", 0, "1970-01-01", 1.5, ["a"]),
        (2, "", 1, "1970-01-02", None, []),
        (3, None, None, None, 2.0, None),
    ]
