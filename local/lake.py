"""The demo's lake: TPC-H tables as Parquet, one folder per table, and the contacts of each supplier.

The same scale always gives the same rows.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.errors import FatalError

if TYPE_CHECKING:
    import polars as pl

SMALL = ("region", "nation", "supplier", "customer")
"""Tables of one file each."""
LARGE = ("orders", "lineitem")
"""Tables of four files each at scale 1, and more as they grow."""
LINE_ITEMS = 6_000_000
"""Rows of `lineitem` at scale 1, approximately."""
LEAST = 0.001
"""The smallest scale of a table alone."""
ROW_GROUP = "16MB"
"""Uncompressed: 75,000 customers or 240,000 line items."""
MARKER = "_made.json"
"""Written last, with the scale."""

FIRST_NAMES = ("Ada", "Ben", "Chloe", "Daniel", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam")
LAST_NAMES = ("Adams", "Baker", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Haddad", "Ivanov", "Jensen", "Kim")
ROLES = ("buyer", "accounts", "logistics", "director", "support")


def make(folder: Path, scale: float = 1) -> bool:
    """Make `folder`, with one folder per table, unless it exists at this scale. Returns whether it was made.

    It appears whole: if the process is interrupted, an unfinished folder remains next to it, and the next call removes
    that.
    """
    if made_at(folder) == scale:
        return False
    unfinished, old = (folder.with_name(f".{folder.name}.{state}") for state in ("unfinished", "old"))
    for leftover in (unfinished, old):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _generate(unfinished, SMALL, scale, files=1)
    _generate(unfinished, LARGE, scale, files=4 * max(1, math.ceil(scale)))
    _write_contacts(unfinished)
    (unfinished / MARKER).write_text(json.dumps({"scale": scale}))
    if folder.exists():
        folder.rename(old)
    unfinished.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return True


def make_one(folder: Path, table: str, scale: float) -> None:
    """Make one table alone, as Parquet files below `folder`, which must not exist. Raises `FatalError` below the scale
    at which every table has rows."""
    if scale < LEAST:
        raise FatalError(
            f"TPC-H at scale {scale:g} has tables without rows",
            next_step=f"take at least the scale {LEAST:g}, {round(LINE_ITEMS * LEAST):,} line items",
        )
    folder.mkdir(parents=True)
    _generate(folder.parent, (table,), scale, files=4 * max(1, math.ceil(scale)))


def made_at(folder: Path) -> float | None:
    """The scale of the lake in `folder`; None if there is no finished one."""
    marker = folder / MARKER
    return float(json.loads(marker.read_text())["scale"]) if marker.exists() else None


def _generate(folder: Path, tables: tuple[str, ...], scale: float, files: int) -> None:
    """Write the files of each table as `folder/TABLE/TABLE.N.parquet`."""
    program = Path(sys.executable).with_name("tpchgen-cli")
    words = [
        "--tables",
        ",".join(tables),
        "--scale-factor",
        f"{scale:g}",
        "--parts",
        str(files),
        "--row-group-bytes",
        ROW_GROUP,
    ]
    argv = [str(program), "parquet", *words, "--output-dir", str(folder), "--quiet"]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ | {"RUST_LOG": "error"})
    if made.returncode:
        raise FatalError(
            f"tpchgen-cli could not make {', '.join(tables)}:\n{made.stderr.strip()}", next_step="correct the cause"
        )


def _write_contacts(folder: Path) -> None:
    import polars as pl

    (folder / "contact").mkdir()
    suppliers = pl.scan_parquet(folder / "supplier" / "*.parquet").select("s_suppkey", "s_nationkey").collect()
    contacts(suppliers).write_parquet(folder / "contact" / "contact.1.parquet", compression="snappy")


def contacts(suppliers: pl.DataFrame) -> pl.DataFrame:
    """Two or three people for each supplier (`s_suppkey`, `s_nationkey`), ordered by `contact_key`."""
    import polars as pl

    key = pl.col("s_suppkey")
    people = pl.int_ranges(1, 3 + _draw(key, 0, 2), dtype=pl.Int64)
    numbered = suppliers.sort("s_suppkey").with_columns(number=people).explode("number")
    contact = key * 10 + pl.col("number")
    first, last = _pick(contact, 1, FIRST_NAMES), _pick(contact, 2, LAST_NAMES)
    mailbox = pl.format("{}.{}.{}", first.str.to_lowercase(), last.str.to_lowercase(), pl.col("number"))
    digits = [_draw(contact, salt, 900) + 100 for salt in (3, 4)] + [_draw(contact, 5, 9000) + 1000]
    return numbered.select(
        contact.alias("contact_key"),
        key.alias("contact_suppkey"),
        pl.format("{} {}", first, last).alias("contact_name"),
        pl.format("{}@supplier{}.example", mailbox, key).alias("contact_email"),
        pl.format("{}-{}-{}-{}", pl.col("s_nationkey") + 10, *digits).alias("contact_phone"),
        _pick(contact, 6, ROLES).alias("contact_role"),
    )


def _pick(key: pl.Expr, salt: int, words: tuple[str, ...]) -> pl.Expr:
    """One of the words for each key."""
    import polars as pl

    return pl.lit(pl.Series([list(words)])).first().list.get(_draw(key, salt, len(words)))


def _draw(key: pl.Expr, salt: int, below: int) -> pl.Expr:
    """A number below `below` for each key: two steps of the Lehmer generator of Park and Miller. Unlike polars' hash,
    it is the same on every machine and with every version."""
    modulus = 2**31 - 1
    return (((key + salt * 7919) % modulus * 48271 % modulus) * 48271 % modulus) % below
