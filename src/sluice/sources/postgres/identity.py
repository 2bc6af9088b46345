"""The identity of a PostgreSQL table, to detect that it was recreated under the same name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sluice.errors import FatalError
from sluice.sources.position import START_AGAIN
from sluice.sources.postgres.reach import Reach
from sluice.sources.postgres.session import row_of
from sluice.sql import literal, quote

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

_FOUND = """
    select d.oid || '/' || c.oid || coalesce('/' || s.oid || '.' || pg_relation_filenode(s.oid), ''),
        case when has_sequence_privilege(s.oid, 'select, usage') then pg_sequence_last_value(s.oid) end
    from pg_class c
    join pg_database d on d.datname = current_database()
    left join pg_attribute a on a.attrelid = c.oid and a.attname = {column}
    left join pg_depend p on p.refobjid = c.oid and p.refobjsubid = a.attnum and p.deptype in ('a', 'i')
        and p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass
        and exists (select from pg_class where oid = p.objid and relkind = 'S')
    left join pg_class s on s.oid = p.objid
    where c.oid = to_regclass({table}) and c.relkind in ('r', 'p', 'm')
    limit 1
"""
"""Includes the sequence's file (`relfilenode`): restarting the sequence creates a new one, normal use does not."""


def identity(cursor: Cursor, table: str, reach: Reach) -> str | None:
    """The object ids of the database, the table, and the column's sequence if it has one. None for a view.

    Raises `FatalError` if all of the column's numbers are now below the position of the last delivery."""
    query = _FOUND.format(column=literal(reach.column), table=literal(table))
    cursor.execute(query)
    found = cursor.fetchone()
    if found is None:
        return None
    name, last = found
    if re.fullmatch(r"-?\d+", reach.above):
        _refuse_return(cursor, table, reach, last)
    return str(name)


def _refuse_return(cursor: Cursor, table: str, reach: Reach, last: int | None) -> None:
    (greatest,) = row_of(cursor, f"select max({quote(reach.column)}) from {table}")  # noqa: S608 - quoted by the caller
    known = [number for number in (last, greatest) if isinstance(number, int)]  # the column's type may be another now
    if known and max(known) < int(reach.above):
        raise FatalError(
            f"{reach.column} of {table} has gone back: the last delivery stopped at {reach.above}, but every number is"
            " lower now",
            next_step=START_AGAIN,
        )
