"""`sluice preview`: the first rows of an export as they would be delivered."""

from __future__ import annotations

import gzip
import shutil
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sluice.airflow.connections import AirflowConnections
from sluice.commands.run_config import planned
from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.formats.base import Format

_GZIP = b"\x1f\x8b"


def preview(args: Namespace) -> int:
    """Print each feed's first rows as a table, or with `--as-file` as the text of a file."""
    from sluice.delivery.preview import preview as first_rows

    if args.rows < 1:
        args.error("--rows must be at least 1")
    now = datetime.now(UTC)
    project, plan = planned(args, now)
    with TemporaryDirectory(prefix="sluice-preview-") as folder:
        for one in first_rows(project, plan, AirflowConnections(), args.rows, Path(folder), now):
            if args.as_file:
                print(_text(plan.format, one.rows), end="")
                continue
            print(f"{one.feed.name}: the first {one.rows.num_rows:,} rows, {one.rows.num_columns} columns")
            if one.accounts is not None:
                print(f"  of the contacts of {one.accounts:,} accounts")
            print(_table(one.rows))
            if one.rejected:
                print(f"  {one.rejected:,} rows before the last one lack a required field and would not be sent")
    return 0


def _table(rows: pa.Table) -> str:
    """A table of all rows and columns, as wide as the terminal."""
    import polars as pl

    width = shutil.get_terminal_size((120, 24)).columns
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=width, fmt_str_lengths=40):
        return str(pl.from_arrow(rows))


def _text(file_format: Format, rows: pa.Table) -> str:
    encoder = file_format.encoder(rows.schema)
    body = b"".join([*encoder.encode(rows), *encoder.close()])
    if body.startswith(_GZIP):
        body = gzip.decompress(body)
    try:
        return body.decode(getattr(file_format, "encoding", "utf-8"))
    except UnicodeDecodeError:
        raise DefinitionError(
            f"a {file_format.type} file is not text", next_step="leave out --as-file to see the rows as a table"
        ) from None
