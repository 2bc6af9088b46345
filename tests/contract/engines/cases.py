"""Rows and rules by which engines are compared with DuckDB: the values that engines like to disagree on."""

# ruff: noqa: S608 - the statements are made here

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

TEXTS = [
    "",
    "a",
    "A",
    "b",
    "B",
    "ä",
    "Ä",
    "a ",
    " a",
    "e\u0301",
    "é",
    "ß",
    "ss",
    "Z",
    "_",
    "a%",
    "\\",
    "'",
    "\U0001f600",
    "\uffff",
    "${x}",
    "\\n`",
]
NUMBERS = [0, 1, -1, 2, 7, 99, 100, 32767, -32768]
DOUBLES = ["0", "-0.0", "0.1", "-1.5", "1e300", "NaN", "Infinity", "-Infinity", "100"]
DECIMALS = ["0.00", "0.10", "1.50", "-1.50", "99.99", "100.00"]
DAYS = ["2026-01-01", "2026-03-29", "1969-12-31", "0001-01-01", "9999-12-31"]
TIMES = ["2026-01-01 00:00:00", "2026-03-29 02:30:00.000001", "1969-12-31 23:59:59.999999"]
ZONED = [*(f"{one}+00" for one in TIMES), "2026-01-01 01:30:00+05:30", "2025-12-31 18:30:00-05"]
COLUMNS = {
    "n": ("int", NUMBERS),
    "m": ("bigint", [*NUMBERS, 2**40]),
    "s": ("smallint", NUMBERS[:7]),
    "f": ("float8", DOUBLES),
    "d": ("numeric(7,2)", DECIMALS),
    "t": ("text", TEXTS),
    "T": ("varchar(9)", TEXTS),
    "posix": ("text", TEXTS),
    "day": ("date", DAYS),
    "at": ("timestamp", TIMES),
    "zoned": ("timestamptz", ZONED),
    "yes": ("bool", ["true", "false"]),
}

ALIKE: list[dict[str, Any]] = [
    {"where": "n > 5"},
    {"where": "not (t = 'a' or posix in ('B', 'ä')) and \"T\" is not null"},
    {"where": "posix < \"T\""},
    {"where": "t like 'a%' or t not like '%\\%' and t < 'Z'"},
    {"where": "t = '\\' or t = '''' or t = '${x}' or t like '\\n`'"},
    {"where": "f > 0.1 and f <> 100"},
    {"where": "f = -0 or d in (1.5, 100)"},
    {"where": "day between '2026-01-01' and date '2026-12-31' and zoned < '2026-01-01 02:00:00+02'"},
    {"where": "\"at\" >= '2026-01-01' or zoned = date '2026-01-01'"},
    {"where": "yes and n + s * 2 - -m > 4"},
    {"where": "id in (select id from orders where t = 'a' or n > 3)", "reads": ["orders"]},
    {"where": "id not in (select n from orders where n is not null)", "reads": ["orders"]},
    {"where": "n > 99 or not (id in (select n from orders) and yes)", "reads": ["orders"]},
    {"where": "exists (select * from orders o where o.posix = people.posix)", "reads": ["orders"]},
    {"sql": "select p.id from people p join orders o on o.t = p.\"T\" where o.n >= p.n;", "reads": ["orders"]},
    {"sql": "select distinct a.n from orders a left join people b on a.id = b.n where b.n > 3", "reads": ["orders"]},
    {"sql": "select n from orders group by n having count(*) > 2 and max(t) > 'B' and sum(s) < 9", "reads": ["orders"]},
    {"sql": "select n from orders group by n having sum(d) < 1.505 and sum(m) > 1.5", "reads": ["orders"]},
    {"sql": "select id from people where posix is not distinct from 'A' -- comment"},
]  # fmt: skip
"""What every engine evaluates as DuckDB does."""

UNLIKE = {
    "upper(t) = 'A'": "upper()",
    "n / 2 > 1": "the operator /",
    "n % 0 = 1": "the operator %",
    "day > current_date - 30": "current_date",
    "t like 'a_'": "LIKE",
    "n = '5'": "text with whole",
    "f > n": "float with whole",
    "day > '01.02.2026'": "ISO",
    "cast(t as int) = 1": "casts",
    "t = 'a' or random() > 2": "random()",
    "id in (select id from orders limit 3)": "LIMIT",
    "case when yes then true else false end": "case",
}
"""What no other engine evaluates, and why."""


def rows(count: int, chance: random.Random) -> Iterator[list[Any]]:
    """Rows of the column `id` and those of `COLUMNS`, as text; three keys occur twice or are null."""
    for number in range(count):
        values = [chance.choice([None, *values, *values]) for _, values in COLUMNS.values()]
        yield [number % (count - 3) or None, *values]


def inserted(table: str, row: list[Any]) -> str:
    spelled = ["null" if one is None else "'{}'".format(str(one).replace("'", "''")) for one in row]
    return f"insert into {table} values ({', '.join(spelled)})"


def as_arrow(found: list[list[Any]]) -> pa.Table:
    """The rows in the types that their columns have in files."""
    names = ["id", *COLUMNS]
    kinds = ["int", *(kind for kind, _ in COLUMNS.values())]
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        engine.execute(f"create table rows ({', '.join(f'c{n} {kind}' for n, kind in enumerate(kinds))})")
        for row in found:
            engine.execute(inserted("rows", row))
        return engine.sql("from rows").to_arrow_table().rename_columns(names)


def some_rule(chance: random.Random) -> dict[str, str]:
    if chance.random() < 0.7:
        return {"where": condition(chance)}
    one, two = chance.choice(list(COLUMNS)), chance.choice(list(COLUMNS))
    other = chance.choice([name for name in COLUMNS if kind(name) == kind(one)])
    sign, join = chance.choice(["=", "<>", "<", ">="]), chance.choice(["join", "left join"])
    counted = chance.choice(["count(*)", f'count(distinct "{two}")', f'max("{two}")', "sum(m)", "min(d)"])
    joined = f'select p.id from people p {join} orders o on p."{one}" {sign} o."{other}" where '
    grouped = f'select "{one}" from people group by "{one}" having {counted} {sign} '
    return (
        {"sql": joined + f'o."{two}" {sign} {constant(two, chance)} or p.id > 50'}
        if chance.random() < 0.5
        else {
            "sql": f'select id from people where "{other}" in ({grouped}{chance.choice([constant(two, chance), "2"])})'
        }
    )


def condition(chance: random.Random, depth: int = 2) -> str:
    if depth and chance.random() < 0.6:
        left, right = condition(chance, depth - 1), condition(chance, depth - 1)
        return chance.choice([f"({left} and {right})", f"({left} or {right})", f"not ({left})"])
    column = chance.choice(list(COLUMNS))
    values = ["null" if chance.random() < 0.1 else constant(column, chance) for _ in range(3)]
    name = f'"{column}"'
    other = chance.choice([one for one in COLUMNS if kind(one) == kind(column)])
    sign = chance.choice(["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"])
    forms = [
        f"{name} {sign} {values[0]}",
        f'{name} {sign} "{other}"',
        f"{name} in ({', '.join(values)})",
        f"{name} not in ({values[0]}, {values[1]})",
        f"{name} between {values[0]} and {values[1]}",
        f"{name} is {chance.choice(['', 'not '])}null",
        f'{name} {chance.choice(["", "not "])}in (select "{other}" from orders where n {sign} 3)',
        f'exists (select 1 from orders o where o."{other}" {sign} people."{column}")',
        f"n + {chance.choice(['m', 's', '-3'])} * 2 {sign} {chance.choice(NUMBERS)}",
        f"{chance.choice(['t', 'posix'])} like {constant('t', chance)}",
        f"{name} {sign} {constant(chance.choice(list(COLUMNS)), chance)}",
    ]  # fmt: skip
    return chance.choice(forms)


def kind(column: str) -> str:
    plain = COLUMNS[column][0].partition("(")[0]
    return {"bigint": "int", "smallint": "int", "varchar": "text"}.get(plain, plain)


def constant(column: str, chance: random.Random) -> str:
    what, values = COLUMNS[column]
    value = str(chance.choice(values)).replace("'", "''")
    if what.startswith(("int", "bigint", "smallint", "bool", "float8", "numeric")):
        return chance.choice([value, "2.505", "1e2", "12345678901.123"]) if what == "numeric(7,2)" else value
    return f"'{value}'"
