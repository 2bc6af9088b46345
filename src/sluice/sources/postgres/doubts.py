"""Reasons why an incremental export from PostgreSQL may skip rows for good, although it waits for open transactions."""

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
    """The reasons, each as a sentence with what to do. `table` is empty for a query, whose columns have no default or
    sequence to check."""
    (standby,) = row_of(cursor, "select pg_is_in_recovery()")
    if standby:
        yield (
            "the server is a standby, which does not show the open transactions of its primary, so runs fail; declare"
            " `late` or `behind`, or connect to the primary"
        )
    cursor.execute(_COLUMN.format(table=literal(table), column=literal(column)))
    if found := cursor.fetchone():
        yield from _of_column(column, *found)


def _of_column(column: str, is_time: bool, default: str, is_identity: bool, cached: int) -> Iterator[str]:  # noqa: FBT001 - a row
    if is_time and not _CLOCK.search(default):
        yield f"{column} gets its time from the writer of the row instead of the database; declare `late`"
    if not is_time and not is_identity and "nextval(" not in default:
        yield f"{column} gets its numbers from the writer of the row instead of a sequence; declare `behind`"
    if cached > 1:
        yield (
            f"each session caches {cached} numbers of the sequence, and may use a lower number after a higher one was"
            " delivered; set the sequence's CACHE to 1, or declare `behind`"
        )
