"""The exam of formats, for every registered one in every shape, and what is particular about them."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.errors import DefinitionError, FatalError
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.formats.parquet import Parquet
from sluice.testing import FormatExam
from sluice.testing.formats import Read, Spell, next_to_numbers, profiles, write
from sluice.testing.values import CASES, REFUSED, Case
from tests.contract.format_variants import VARIANTS, Variant, duckdb_rows

every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
one_of_each = pytest.mark.parametrize("variant", {v.type: v for v in reversed(VARIANTS)}.values(), ids=lambda v: v.type)


@every_variant
class TestFormats(FormatExam):
    @pytest.fixture
    def format(self, variant: Variant) -> Format:
        return variant.declare()

    @pytest.fixture
    def read(self, variant: Variant) -> Read:
        return variant.read

    @pytest.fixture
    def spelled(self, variant: Variant) -> Spell:
        return variant.expected

    @pytest.fixture
    def refuses(self, variant: Variant) -> Collection[str]:
        return variant.refuses

    @pytest.fixture
    def separators(self, variant: Variant) -> str:
        return "" if variant.any_text else variant.apart

    @pytest.fixture
    def many(self, variant: Variant) -> pa.Table:
        table = profiles(70_000)
        if "list" in variant.refuses:
            table = table.drop_columns(["tags"])
        return table.slice(5, 301) if variant.options.get("row_group") else table

    @pytest.mark.slow
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_rows_in_the_middle_of_a_longer_table(
        self,
        format: Format,  # noqa: A002
        read: Read,
        spelled: Spell,
        refuses: Collection[str],
        case: Case,
    ) -> None:
        super().test_rows_in_the_middle_of_a_longer_table(format, read, spelled, refuses, case)

    @pytest.mark.slow
    def test_the_same_rows_give_the_same_bytes_however_they_are_split(self, format: Format, many: pa.Table) -> None:  # noqa: A002
        super().test_the_same_rows_give_the_same_bytes_however_they_are_split(format, many)

    @pytest.mark.slow
    def test_an_encoder_holds_no_more_than_it_says(self, format: Format) -> None:  # noqa: A002
        if isinstance(format, Parquet) and format.row_group == 2:  # the footer grows with each row group
            format = Parquet(type="parquet", compression="none", row_group=2_000)  # noqa: A001
        super().test_an_encoder_holds_no_more_than_it_says(format)


def test_no_registered_format_is_missing() -> None:
    assert {variant.type for variant in VARIANTS} == set(FORMATS)


@every_variant
@pytest.mark.parametrize("name", REFUSED)
def test_a_type_that_is_refused_can_be_changed_in_sql(variant: Variant, name: str) -> None:
    with pytest.raises(DefinitionError, match="`c`") as refused:
        variant.declare().check(pa.schema([("c", REFUSED[name].type)]))
    assert "sql:" in refused.value.next_step


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.names and v.holds != "json"], ids=lambda v: v.id)
def test_a_file_of_no_rows_names_its_columns(variant: Variant) -> None:
    data = write(variant.declare(), pa.table({"column": ["x"], "i": [1]}).slice(0, 0))
    text = zlib.decompress(data, 31) if data[:2] == b"\x1f\x8b" else data
    assert b"".join(text.split(b"\0")).count(b"column")


@every_variant
@pytest.mark.parametrize("days", [-719_163, 2_932_897])
def test_dates_outside_four_digit_years(variant: Variant, days: int) -> None:
    for values in (
        pa.array([days], pa.date32()),
        pa.array([days * 86_400], pa.timestamp("s", "UTC")),
        pa.array([[days]], pa.list_(pa.date32())),
    ):
        table = next_to_numbers(values)
        if pa.types.is_list(values.type) and "list" in variant.refuses:
            continue
        if variant.holds == "parquet":
            assert write(variant.declare(), table)
            continue
        with pytest.raises(FatalError, match=r"`c`.*0001 to 9999"):
            write(variant.declare(), table)


MEMORY = """
import sys, resource, json, pyarrow as pa
from sluice.formats import FORMATS
options, times = json.loads(sys.argv[1]), int(sys.argv[2])
rows = 60_000
table = pa.table({"i": range(rows), "b": [f"value {i * 7919 % 1000003} of many" for i in range(rows)]})
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
