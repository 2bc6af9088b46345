"""What CSV promises beyond the exam: its declaration, its nulls, its encodings."""

from __future__ import annotations

import gzip
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from sluice.errors import DefinitionError, FatalError
from sluice.formats.csv import Csv


def written(table: pa.Table, **options: Any) -> bytes:
    encoder = Csv(type="csv", **{"compression": "none"} | options).encoder(table.schema)
    return b"".join([*encoder.encode(table), *encoder.close()])


TABLE = pa.table({"name": ["a,b", "", None], "n": [1, None, -2], "ok": [True, False, None]})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, 'name,n,ok\n"a,b",1,true\n"",,false\n,-2,\n'),
        ({"header": False, "line_end": "crlf"}, '"a,b",1,true\r\n"",,false\r\n,-2,\r\n'),
        ({"delimiter": "tab"}, 'name\tn\tok\na,b\t1\ttrue\n""\t\tfalse\n\t-2\t\n'),
        ({"quoting": "non-numeric"}, '"name","n","ok"\n"a,b",1,"true"\n"",,"false"\n,-2,\n'),
        ({"quoting": "all", "null": "NULL"},
         '"name","n","ok"\n"a,b","1","true"\n"","NULL","false"\n"NULL","-2","NULL"\n'),
        ({"quoting": "none", "delimiter": "|", "null": "\\N"}, "name|n|ok\na,b|1|true\n|\\N|false\n\\N|-2|\\N\n"),
    ],
)  # fmt: skip
def test_shapes(options: dict[str, Any], text: str) -> None:
    assert written(TABLE, **options) == text.encode()


TRACKED = pa.table(
    {
        "Tracking ID": ["a1", "b\t2", 'c"3', "d\n4", "", None],
        "PID": pa.array([1, 2, 3, 4, 5, None], pa.int64()),
    }
)
HEAD = "Tracking ID\tPID\r\n"
ESCAPED = 'a1\t1\r\n"b\t2"\t2\r\n"c""3"\t3\r\n"d\n4"\t4\r\n""\t5\r\n\t\r\n'


@pytest.mark.parametrize(
    ("header", "quoting", "rows", "text"),
    [
        # Add Header and Escape Fields, each true and false
        (True, "minimal", range(6), HEAD + ESCAPED),
        (False, "minimal", range(6), ESCAPED),
        (True, "none", (0, 2, 4, 5), HEAD + 'a1\t1\r\nc"3\t3\r\n\t5\r\n\t\r\n'),
        (False, "none", (0, 2, 4, 5), 'a1\t1\r\nc"3\t3\r\n\t5\r\n\t\r\n'),
    ],
)
def test_tab_separated_text_with_and_without_header_and_escapes(
    header: bool, quoting: str, rows: Any, text: str
) -> None:
    options = {"delimiter": "tab", "line_end": "crlf", "header": header, "quoting": quoting}
    assert written(TRACKED.take(list(rows)), **options) == text.encode()


@pytest.mark.parametrize("row", [1, 3])
def test_without_escapes_an_ambiguous_value_is_not_written(row: int) -> None:
    with pytest.raises(FatalError, match="`Tracking ID` contains one of the separator characters"):
        written(TRACKED.slice(row, 1), delimiter="tab", quoting="none", line_end="crlf")


def test_a_file_without_a_header_and_rows_is_empty() -> None:
    assert written(TRACKED.slice(0, 0), delimiter="tab", header=False) == b""
    assert written(TRACKED.slice(0, 0), delimiter="tab", line_end="crlf") == HEAD.encode()


@pytest.mark.parametrize(
    ("options", "ending"),
    [
        ({}, ".csv.gz"),
        ({"compression": "none"}, ".csv"),
        ({"delimiter": "\t"}, ".tsv.gz"),
        ({"delimiter": "tab", "compression": "none"}, ".tsv"),
    ],
)
def test_extension(options: dict[str, Any], ending: str) -> None:
    assert Csv(type="csv", **options).extension == ending


@pytest.mark.parametrize("delimiter", ["", ",,", "a", "7", '"', "\n", "-", "+", ".", "é", "\x00\x00"])
def test_a_delimiter_that_values_or_quotes_are_made_of_is_refused(delimiter: str) -> None:
    with pytest.raises(ValidationError):
        Csv(type="csv", delimiter=delimiter)


@pytest.mark.parametrize("null", ["0", "-1", ".5", "nan", "Infinity", "true", 'a"', "a\n", "1970-01-01"])
def test_a_null_token_that_looks_like_a_value_is_refused(null: str) -> None:
    with pytest.raises(ValidationError, match="must not look like a value"):
        Csv(type="csv", null=null)


@pytest.mark.parametrize("null", ["", "NULL", "\\N", "n/a", "-", "none", "truely"])
def test_known_null_tokens(null: str) -> None:
    assert Csv(type="csv", null=null).null == null


@pytest.mark.parametrize("quoting", ["minimal", "all", "none"])
def test_a_string_that_is_the_null_token_fails(quoting: str) -> None:
    table = pa.table({"i": [1, None], "surname": ["NULL", None]})
    with pytest.raises(FatalError, match="`surname` contains the null token 'NULL'") as failed:
        written(table, null="NULL", quoting=quoting)
    assert "non-numeric" in failed.value.next_step
    assert written(table, null="NULL", quoting="non-numeric").endswith(b'\n1,"NULL"\nNULL,NULL\n')


@pytest.mark.parametrize("value", ["a|b", "a\nb", "a\rb"])
def test_without_quotes_a_delimiter_in_a_value_fails(value: str) -> None:
    table = pa.table({"safe": ["x", "y"], "note": ["fine", value]})
    with pytest.raises(FatalError, match="`note` contains one of the separator characters"):
        written(table, quoting="none", delimiter="|")


@pytest.mark.parametrize(("delimiter", "name"), [(",", "a,b"), ("_", "a_b")])
def test_without_quotes_a_delimiter_in_a_name_is_refused_before_the_run(delimiter: str, name: str) -> None:
    with pytest.raises(DefinitionError, match=f"header.*`{name}`"):
        Csv(type="csv", quoting="none", delimiter=delimiter).check(pa.schema([(name, pa.int64()), ("c", pa.int64())]))


def test_names_of_plain_words_are_checked_without_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of `extract` would start its threads for the header alone."""
    monkeypatch.setattr(Csv, "_opening", lambda *_: pytest.fail("it wrote the header"))
    names = pa.schema([("customer_id", pa.int64()), ("Email2", pa.string())])
    Csv(type="csv", encoding="latin-1").check(names)
    Csv(type="csv", quoting="none").check(names)


def test_a_line_of_one_null_would_be_no_line() -> None:
    table = pa.table({"email": ["a@b.c", None]})
    with pytest.raises(FatalError, match="`email`, the only column"):
        written(table)
    assert written(table, null="\\N") == b"email\na@b.c\n\\N\n"
    assert written(pa.table({"email": ["", "x"]})) == b'email\n""\nx\n'
    with pytest.raises(FatalError, match="`email`, the only column"):
        written(pa.table({"email": ["", "x"]}), quoting="none")


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [("utf-8", "utf-8"), ("utf-8-bom", "utf-8-sig"), ("utf-16", "utf-16"), ("latin-1", "latin-1"),
     ("windows-1252", "cp1252")],
)  # fmt: skip
def test_encodings(encoding: str, codec: str) -> None:
    table = pa.table({"é": ["naïve", "Ünïcode"], "n": [1, 2]})
    data = written(table, encoding=encoding)
    assert data.decode(codec) == "é,n\nnaïve,1\nÜnïcode,2\n"
    assert data.count(b"\xff\xfe") + data.count(b"\xef\xbb\xbf") == (encoding in ("utf-8-bom", "utf-16"))
    many = [*[table] * 3]
    encoder = Csv(type="csv", encoding=encoding, compression="none", header=False).encoder(table.schema)
    whole = b"".join([*(piece for part in many for piece in encoder.encode(part)), *encoder.close()])
    assert whole.decode(codec) == "naïve,1\nÜnïcode,2\n" * 3


def test_a_character_that_the_encoding_has_not_fails_naming_the_column() -> None:
    table = pa.table({"plain": ["é"], "name": ["Ő"]})
    with pytest.raises(FatalError, match=r"`name` contains U\+0150, which latin-1 cannot represent"):
        written(table, encoding="latin-1")
    with pytest.raises(DefinitionError, match=r"U\+0150"):
        Csv(type="csv", encoding="latin-1").check(pa.schema([("Ő", pa.int64())]))


def test_a_single_column_of_numbers_without_quotes() -> None:
    assert written(pa.table({"n": [1, 2]}), quoting="none") == b"n\n1\n2\n"


def test_gzip_has_no_time_and_one_member() -> None:
    data = written(TABLE, compression="gzip")
    assert data[:4] == b"\x1f\x8b\x08\x00"
    assert data[4:8] == bytes(4)
    assert data.count(b"\x1f\x8b\x08") == 1
    assert gzip.decompress(data) == written(TABLE)
