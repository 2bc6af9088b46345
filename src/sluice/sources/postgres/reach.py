"""Which rows of a growing table a run reads: those above its position, and below any row that may still appear.

A database assigns a value before the row that holds it becomes visible. Of two transactions that take 3 and 4, the
second may commit while the first is open: a position of 4 would skip 3 forever. So a run first chooses an upper bound,
then waits until no open transaction can still add a row below it, and only then reads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sluice.errors import FatalError, RetriableError
from sluice.sources.postgres.session import row_of
from sluice.sql import quote

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_postgresql.dbapi import Cursor

_EARLY = timedelta(days=2)
_PATIENCE, _PAUSE = 60.0, 0.2
"""Seconds to wait for open transactions, and between two checks."""


@dataclass(frozen=True)
class Reach:
    """The rows of a growing table to copy."""

    column: str
    above: str = ""
    """Where the last delivery stopped, in the spelling of a `Position`. Empty to start from the beginning."""
    settled: bool = False
    """Whether to leave out rows that an open transaction could still precede with a lower value."""


def condition(cursor: Cursor, query: str, kind: pa.DataType, reach: Reach) -> str:
    """The SQL condition on the query's rows. It includes rows without a value: the reader of the copy refuses them.

    Raises `RetriableError` if transactions stay open that could add rows below the upper bound."""
    import pyarrow.types as types

    column, conditions = quote(reach.column), []
    if reach.above:
        conditions.append(f"{column} > {_lower(reach.above)}")
    if reach.settled and types.is_integer(kind):
        conditions.append(f"{column} <= {_settled_number(cursor, query, column)}")
    elif reach.settled and (types.is_timestamp(kind) or types.is_date(kind)):
        conditions.append(f"{column} < '{_settled_time(cursor)}'")
    return f"where ({' and '.join(conditions)}) or {column} is null" if conditions else ""


def _lower(at: str) -> str:
    """The lower bound in SQL. For times, a date two days earlier, which compares with a column of any time zone and
    precision. The reader of the copy filters the rows exactly."""
    return f"'{date.fromisoformat(at[:10]) - _EARLY}'" if at.endswith("Z") else str(int(at))


def _settled_number(cursor: Cursor, query: str, column: str) -> str:
    """The greatest visible number, after the transactions that were writing at that moment have ended. An INSERT locks
    its table before it takes a number, so no other transaction can add a lower one.

    The order matters: read the number first, then list the writers, then wait for them."""
    _refuse_standby(cursor)
    (greatest,) = row_of(cursor, f"select max({column})::text from (\n{query}\n) as rows")  # noqa: S608
    (writers,) = row_of(cursor, _WRITERS)
    _wait_for(cursor, writers)
    return greatest or "null"


def _settled_time(cursor: Cursor) -> str:
    """The start of the oldest open transaction, which is the time that `now()` gives to its rows. Minus up to two
    seconds, because columns may round to seconds, and a new transaction is not visible to others immediately."""
    _refuse_standby(cursor)
    bound, hidden = row_of(cursor, _OPEN)
    _wait_for(cursor, hidden)
    return str(bound)


_WRITERS = """
    select array_agg(distinct virtualtransaction)::text from pg_locks
    where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and pid is distinct from pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())
        and relation in (
            select l.relation from pg_locks l join pg_class c on c.oid = l.relation
            where l.locktype = 'relation' and l.pid = pg_backend_pid() and c.oid >= 16384 and c.relkind in ('r', 'p')
        )
"""
"""The transactions that write to the tables which this transaction has read. Tables stay locked after a read, so this
works no matter whether the query names tables, views or partitions. OIDs below 16384 are system tables. A vacuum takes
this kind of lock on indexes only, so it is not a writer."""
_OPEN = """
    with open as (
        select l.virtualtransaction, a.xact_start
        from pg_locks l left join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and l.pid <> pg_backend_pid()
            and (a.pid is null or a.datname = current_database() and a.usesysid is not null)
        union all
        select '-1/' || transaction, null from pg_prepared_xacts where database = current_database()
    )
    select (date_trunc('second', least(statement_timestamp(), min(xact_start))) - interval '1 second')::timestamp::text,
        array_agg(virtualtransaction) filter (where xact_start is null)::text
    from open
"""
"""The start of the oldest open transaction, and the transactions whose start is hidden from a role without
`pg_read_all_stats`. Automatic vacuums, which have no user, add no rows."""


def _wait_for(cursor: Cursor, transactions: str | None) -> None:
    look = f"""select count(distinct virtualtransaction), coalesce(min(pid), 0) from pg_locks
        where virtualtransaction = any('{transactions}')"""  # noqa: S608 - numbers of the server's own
    deadline = time.monotonic() + _PATIENCE
    # A transaction holds a lock on its own id until it ends.
    while transactions:
        count, process = row_of(cursor, look)
        if not count:
            return
        if time.monotonic() > deadline:
            raise RetriableError(
                f"open transactions may still add rows below those that are visible: {count} (process {process})",
                next_step="end them; or declare `late` or `behind` for the column, and runs no longer wait for them",
            )
        time.sleep(_PAUSE)


def _refuse_standby(cursor: Cursor) -> None:
    (standby,) = row_of(cursor, "select pg_is_in_recovery()")
    if standby:
        raise FatalError(
            "this server is a standby, which does not show the open transactions of its primary, so a run could skip"
            " rows for good",
            next_step="declare `late` (times) or `behind` (whole numbers) next to the dataset's `column`, or connect to"
            " the primary",
        )
