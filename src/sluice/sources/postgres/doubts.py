"""Why a column of PostgreSQL may pass rows for good, although open transactions are waited for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.sources.postgres.session import row_of
from sluice.sql import literal

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

_COLUMN = """
    select t.typcategory = 'D', coalesce(pg_get_expr(e.adbin, e.adrelid), ''), a.attidentity <> '',
        coalesce((
            select max(s.seqcache) from pg_sequence s join pg_depend p on p.objid = s.seqrelid
            where p.classid = 'pg_class'::regclass and p.deptype in ('a', 'i')
                and p.refobjid = a.attrelid and p.refobjsubid = a.attnum
        ), 1)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef e on e.adrelid = a.attrelid and e.adnum = a.attnum
    where a.attrelid = to_regclass({table}) and a.attname = {column}
"""
_CLOCK = re.compile(r"\bnow\(|\bcurrent_|\blocaltimestamp|_timestamp\(", re.IGNORECASE)


def doubts(cursor: Cursor, table: str, column: str) -> Iterator[str]:
    """Each as a sentence, with what to do. `table` is empty for a query, whose columns have no origin to look at."""
    (standby,) = row_of(cursor, "select pg_is_in_recovery()")
    if standby:
        yield (
            "the server is a standby, which does not show the open transactions of its primary: runs refuse; declare"
            " `late` or `behind`, or connect to the primary"
        )
    cursor.execute(_COLUMN.format(table=literal(table), column=literal(column)))
    if found := cursor.fetchone():
        yield from _of_column(column, *found)


def _of_column(column: str, is_time: bool, default: str, is_identity: bool, cached: int) -> Iterator[str]:  # noqa: FBT001 - a row
    if is_time and not _CLOCK.search(default):
        yield f"{column} does not get its time from the database, but from the writer of the row; declare `late`"
    if not is_time and not is_identity and "nextval(" not in default:
        yield f"{column} does not get its numbers from a sequence, but from the writer of the row; declare `behind`"
    if cached > 1:
        yield (
            f"each session takes {cached} numbers of the sequence at once, and may use a lower one after a greater was"
            " delivered; set its CACHE to 1, or declare `behind`"
        )
