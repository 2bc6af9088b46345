"""The profiles that everything is measured on: made once, the same on every machine, in pieces of one file each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ROW_GROUP = 122_880
PIECE = 4 * ROW_GROUP
"""Rows in one file; a data set's last file has what remains."""
NESTED = ("address", "tags")
"""The two columns that a flat format leaves out."""

_FIRST = [
    "Anna",
    "José",
    "Zoë",
    "Łukasz",
    "Åsa",
    "Björn",
    "François",
    "Øyvind",
    "Šárka",
    "Győző",
    "İbrahim",
    "Nguyễn",
    "Olga",
    "Ольга",
    "李娜",
    "Δήμητρα",
]
_LAST = [
    "Smith",
    "Müller",
    "Nowak",
    "García",
    "Kovács",
    "Søndergård",
    "Çelik",
    "Okafor",
    "Иванова",
    "王",
    "Papadopoulos",
    "O'Neil",
    "Åkesson",
    "Lefèvre",
]
_CITIES = [
    "Wien",
    "Zürich",
    "Kraków",
    "München",
    "Göteborg",
    "São_Paulo",
    "Reykjavík",
    "Αθήνα",
    "東京",
    "London",
    "Bogotá",
    "Kyiv",
    "Győr",
    "Tromsø",
]
_COUNTRIES = ["AT", "CH", "PL", "DE", "SE", "BR", "IS", "GR", "JP", "GB", "CO", "UA", "HU", "NO"]
_MAIL = ["example.com", "example.org", "example.net", "mail.example", "kunden.example"]
_WORDS = [
    "asked for a call back",
    'prefers "paperless" bills',
    "moved, new address",
    "renewed for a year",
    "opened a ticket",
    "returned one item",
    "gave consent by phone",
    "wants the newsletter",
    "Größe 42, blau",
    "paid late, reminded",
    "recommended us to a friend",
    "closed the account",
    "reopened the account",
    "called about delivery",
    "no answer",
]
_TAGS = [
    "new",
    "loyal",
    "vip",
    "lapsed",
    "web",
    "store",
    "phone",
    "trial",
    "b2b",
    "student",
    "family",
    "senior",
    "beta",
]


def folder_of(rows: int, home: Path, *, flat: bool = False) -> Path:
    """A folder of Parquet files that hold exactly `rows` profiles; those that are missing are made. `flat` leaves out
    the nested columns."""
    folder = home / name_of(rows, flat=flat)
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, rows, PIECE)):
        link = folder / f"{number:04d}.parquet"
        if not link.exists():
            os.link(_piece(number, min(PIECE, rows - start), home, NESTED if flat else ()), link)
    return folder


def name_of(rows: int, *, flat: bool) -> str:
    """The folder's name below the lake."""
    return f"{'flat' if flat else 'rows'}-{rows}"


def _piece(number: int, rows: int, home: Path, without: Sequence[str]) -> Path:
    """The file of piece `number`, shared by every data set that has it."""
    import pyarrow.parquet as pq

    path = home / "pieces" / f"{number:04d}-{rows}{'-flat' if without else ''}.parquet"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    schema = profiles(0, 1).drop_columns(without).schema
    with pq.ParquetWriter(partial, schema, compression="snappy") as writer:
        for first in range(0, rows, ROW_GROUP):
            table = profiles(number * PIECE + first, min(ROW_GROUP, rows - first))
            writer.write_table(table.drop_columns(without))
    return partial.rename(path)


def profiles(first: int, rows: int) -> pa.Table:
    """Profiles `first` up to `first + rows`: the same values each time, other values for another `first`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    random = np.random.default_rng(first)
    ids = np.arange(first, first + rows)
    pick = _picker(random, rows)
    text = pa.array(ids).cast(pa.string())
    given, family = pick(_FIRST), pick(_LAST)
    columns: dict[str, Any] = {
        "profile_id": pa.array(ids),
        "email": pc.binary_join_element_wise("c.", text, "@", pick(_MAIL), ""),
        "first_name": given,
        "last_name": pc.binary_join_element_wise(family, _digits(random, rows, 20_000), "-"),
        "phone": pc.binary_join_element_wise("+43-664", _digits(random, rows, 10_000_000), "-"),
        "city": pc.binary_join_element_wise(pick(_CITIES), _digits(random, rows, 24), " "),
        "country": pick(_COUNTRIES),
        "birth_date": pa.array(random.integers(-12_000, 13_000, rows, dtype=np.int32)).cast(pa.date32()),
        "created_at": _times(random, rows),
        "last_seen": pa.array(_times(random, rows), mask=random.random(rows) < 0.1),
        "score": pa.array(random.random(rows)),
        "balance": pa.array(random.integers(-100_000, 10**8, rows) / 100),
        "visits": pa.array(random.integers(0, 1_000, rows, dtype=np.int32)),
        "tier": pa.array(random.integers(0, 5, rows, dtype=np.int8)),
        "active": pa.array(random.random(rows) < 0.5),
        "note": pc.binary_join_element_wise(pick(_WORDS), _digits(random, rows, 10**6), pick(_WORDS), "; "),
        "address": pa.StructArray.from_arrays(
            [
                pc.binary_join_element_wise(pick(_LAST), "utca", _digits(random, rows, 300), " "),
                _digits(random, rows, 90_000),
            ],
            ["street", "postal_code"],
        ),
        "tags": _lists(random, rows, pick),
    }
    return pa.table(columns)


def _picker(random: np.random.Generator, rows: int) -> Callable[..., pa.Array]:
    import pyarrow as pa

    def pick(words: list[str], count: int = rows) -> pa.Array:
        return pa.array(words).take(pa.array(random.integers(0, len(words), count)))

    return pick


def _digits(random: np.random.Generator, rows: int, below: int) -> pa.Array:
    import pyarrow as pa

    return pa.array(random.integers(0, below, rows)).cast(pa.string())


def _times(random: np.random.Generator, rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.array(1_600_000_000_000_000 + random.integers(0, 10**14, rows)).cast(pa.timestamp("us", tz="UTC"))


def _lists(random: np.random.Generator, rows: int, pick: Callable[..., pa.Array]) -> pa.Array:
    """Of none to four words."""
    import numpy as np
    import pyarrow as pa

    ends = np.concatenate([[0], np.cumsum(random.integers(0, 5, rows))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pick(_TAGS, int(ends[-1])))
