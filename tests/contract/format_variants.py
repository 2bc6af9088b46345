"""Every registered format in the shapes that the exam takes it in, and how an independent reader reads each."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.testing.formats import Rows
from sluice.testing.values import REFUSED, Case, names_of

UNIT = "\x1f"
_QUOTE_OR_CONTROL = '"' + "".join(map(chr, (*range(32), 127)))


def is_more_than_a_value(kind: pa.DataType) -> bool:
    """Lists, structs and maps, and JSON, which has quotes."""
    nested = pa.types.is_nested(kind) and not isinstance(kind, pa.RunEndEncodedType)
    return isinstance(kind, pa.JsonType) or bool(nested)


@dataclass(frozen=True)
class Variant:
    """One declaration, and what is particular about it."""

    type: str
    options: dict[str, Any]
    read: Callable[[bytes, Sequence[str]], Rows]
    """The rows a reader that is not ours sees, given the column names that the file itself may lack."""
    holds: Literal["json", "cells", "parquet"]
    names: bool = True
    """Whether the file holds the columns' names."""
    any_text: bool = True
    """Whether every string can be told from its neighbours; else one that cannot fails the run."""
    tells_null: bool = True
    """Whether null and an empty string differ."""
    apart: str = "\r\n\x1f"
    """The characters that fail the run, unless it takes any text."""
    refuses: Collection[str] = tuple(REFUSED)
    """The cases whose type it cannot hold."""

    @property
    def id(self) -> str:
        return " ".join([self.type, *(f"{k}={v!r}" for k, v in self.options.items() if k != "template")])

    def declare(self) -> Format:
        return FORMATS[self.type](type=self.type, **self.options)

    def expected(self, case: Case) -> list[Any]:
        if self.holds == "json":
            return case.json
        if self.holds == "parquet":
            return case.values
        return case.cells if self.tells_null else [cell or "" for cell in case.cells]


def opened(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def read_json(data: bytes, _: Sequence[str]) -> Rows:
    return [json.loads(line, parse_constant=_no_constant) for line in opened(data).decode().split("\n")[:-1]]


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def csv_reader(
    delimiter: str = ",",
    null: str = "",
    encoding: str = "utf-8",
    *,
    header: bool = True,
    quoting: Any = csv.QUOTE_MINIMAL,
) -> Any:
    """Python's reader for the values; it cannot tell `""` from nothing, so quotes are looked for in DuckDB's exam."""

    def read(data: bytes, names: Sequence[str]) -> Rows:
        text = io.StringIO(opened(data).decode(encoding), newline="")
        rows = list(csv.reader(text, delimiter=delimiter, quoting=quoting, strict=True))
        found = rows.pop(0) if header else list(names)
        return [{n: None if null and v == null else v for n, v in zip(found, row, strict=True)} for row in rows]

    return read


def read_template(data: bytes, names: Sequence[str]) -> Rows:
    lines = opened(data).decode().split("\r\n")[:-1]
    return [dict(zip(names, line.split(UNIT)[:-1], strict=True)) for line in lines]


def read_inbound(data: bytes, names: Sequence[str]) -> Rows:
    """Audience Manager's inbound lines: the visitor's id is the last column, and the trait 24 is in every row."""
    rows = []
    for line in opened(data).decode().split("\n")[:-1]:
        user, _, traits = line.partition("\t")
        first, *pairs = re.findall(r'(?:^|,)(d_sid=24$|d_sid=24(?=,)|"[^"]*"="[^"]*")', traits)
        assert first == "d_sid=24"
        assert ",".join([first, *pairs]) == traits
        found = dict(pair[1:-1].split('"="', 1) for pair in pairs)
        rows.append({name: found.get(name, "") for name in names[:-1]} | {names[-1]: user})
    return rows


def read_batch(data: bytes, names: Sequence[str]) -> Rows:
    """As a form decodes a value: percent signs, and `+` as a space."""
    header, *lines = data.decode("ascii").split("\n")[:-1]
    key, *parameters = header.split(",")
    assert key == "batch=thirdPartyId"
    assert [unquote_plus(name) for name in parameters] == list(names)[1:]
    rows = [[unquote_plus(value) for value in line.split(",")] for line in lines]
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_customers(data: bytes, names: Sequence[str]) -> Rows:
    """As a reader that knows a backslash as the escape character."""
    text = io.StringIO(opened(data).decode(), newline="")
    found, *rows = csv.reader(text, doublequote=False, escapechar="\\", strict=True)
    return [dict(zip(found, row, strict=True)) for row in rows]


def read_parquet(data: bytes, _: Sequence[str]) -> Rows:
    rows: Rows = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def duckdb_rows(path: str, call: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT * FROM {call.format(path=path)}").fetchall()  # noqa: S608


def template_of(width: int) -> str:
    return "".join(f"%{i}%{UNIT}" for i in range(1, width + 1)) + r"\r\n"


VARIANTS = [
    Variant("adobe-target", {}, read_batch, "cells", names=False, tells_null=False),
    Variant("customer-attributes", {}, read_customers, "cells", tells_null=False),
    Variant("customer-attributes", {"compression": "gzip"}, read_customers, "cells", tells_null=False),
    Variant("json", {}, read_json, "json"),
    Variant("json", {"compression": "none"}, read_json, "json"),
    Variant("json", {"compression_level": 3}, read_json, "json"),
    Variant("csv", {"null": "\\N", "quoting": "non-numeric"}, csv_reader(null="\\N"), "cells"),
    Variant("csv", {"null": "\\N", "compression": "none"}, csv_reader(null="\\N"), "cells"),
    Variant("csv", {"delimiter": "tab", "line_end": "crlf"}, csv_reader("\t"), "cells", tells_null=False),
    Variant("csv", {"header": False, "delimiter": "|"}, csv_reader("|", header=False), "cells", names=False,
            tells_null=False),
    Variant("csv", {"quoting": "all", "encoding": "utf-16"}, csv_reader(encoding="utf-16"), "cells",
            tells_null=False),
    Variant("csv", {"encoding": "utf-8-bom"}, csv_reader(encoding="utf-8-sig"), "cells", tells_null=False),
    Variant("csv", {"quoting": "none", "delimiter": UNIT, "compression": "none"},
            csv_reader(UNIT, quoting=csv.QUOTE_NONE), "cells", any_text=False, tells_null=False),
    Variant("parquet", {}, read_parquet, "parquet"),
    Variant("parquet", {"compression": "none", "row_group": 2}, read_parquet, "parquet"),
    Variant("parquet", {"compression": "snappy"}, read_parquet, "parquet"),
    Variant("parquet", {"compression": "zstd", "compression_level": 1}, read_parquet, "parquet"),
    Variant("template", {"template": template_of(2)}, read_template, "cells", names=False, any_text=False,
            tells_null=False),
    Variant("template", {"template": template_of(2), "compression": "gzip"}, read_template, "cells", names=False,
            any_text=False, tells_null=False),
    *(Variant("audience-manager", {"user_id": "i", "traits": ("d_sid=24",), "compression": compression}, read_inbound,
              "cells", names=False, any_text=False, tells_null=False, apart=_QUOTE_OR_CONTROL,
              refuses=(*REFUSED, *names_of(is_more_than_a_value))) for compression in ("gzip", "none")),
]  # fmt: skip
