"""How a Spark session reads pinned files, and the program that `spark-submit` runs with them.

A cluster runs this file alone: it imports nothing of Sluice, and PySpark only where it is called. It runs on any Python
that Spark 4.0 runs on. Spark Connect's sessions read by the same functions."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame, SparkSession

UNSEEN = 3
"""The exit code of a job that has not found its document."""


def opened(session: SparkSession, table: Mapping[str, Any]) -> DataFrame:
    """The rows of a pinned table, with exactly its columns."""
    columns = table["columns"]
    if not table["paths"]:
        nothing = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns)
        return session.sql(f"select {nothing} where false")
    reader = session.read.schema(", ".join(f"{name} {kind}" for name, kind in columns))
    if table["partitions"]:
        reader = reader.option("basePath", table["base"])
    return reader.parquet(*table["paths"])


def unlike(frame: DataFrame, table: Mapping[str, Any]) -> tuple[int, int] | None:
    """The records and the partitions that are read, if they are not those that were pinned: a cluster may have another
    folder at the same address, skip files by their names, or read the folders' values in its own way."""
    seen: Counter[tuple[str | None, ...]] = Counter()
    if table["paths"]:
        for *values, records in frame.groupBy(*table["partitions"]).count().collect():
            seen[written(values)] += records
    pinned = Counter({tuple(values): records for values, records in table["counts"]})
    return None if +seen == +pinned else (sum(seen.values()), len(seen))


def written(values: list[Any]) -> tuple[str | None, ...]:
    """The values of a partition's columns as JSON can hold them."""
    return tuple(None if value is None else str(value) for value in values)


def main(address: str) -> None:
    """Do what the document at this address says. The last thing that is written is the answer."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    try:
        document = json.loads(session.read.text(address, wholetext=True).collect()[0][0])
    except PySparkException:
        sys.exit(UNSEEN)
    answer = {"spark": session.version, **_answer(session, document)}
    text = {"answer": json.dumps(answer)}
    session.sql("select :answer as value", text).coalesce(1).write.text(document["answer"], compression="none")


def _answer(session: SparkSession, document: Mapping[str, Any]) -> dict[str, Any]:
    """What there is to say: no value of any row is in it."""
    doing = "setting up the session"
    try:
        for name, value in document["settings"].items():
            session.conf.set(name, value)
        for table in document["tables"]:
            doing = f"reading {table['name']}"
            frame = opened(session, table)
            frame.createOrReplaceTempView(table["view"])
            if differing := unlike(frame, table):
                return {"unlike": [table["name"], *differing]}
        doing = "evaluating the segment"
        return {"records": _write(session, document)}
    except Exception as error:  # whatever it is, it must not be silent
        return {"failed": [doing, *_condition(error)]}


def _write(session: SparkSession, document: Mapping[str, Any]) -> int:
    """Write the distinct keys. Counted by those who write: a machine may write to a folder that only it sees."""
    from pyspark.sql import Observation
    from pyspark.sql.functions import count, lit

    counted = Observation()
    keys = session.sql(document["query"]).distinct().observe(counted, count(lit(1)).alias("records"))
    keys.write.parquet(document["keys"])
    return int(counted.get["records"])


def _condition(error: Any) -> tuple[str, str, bool]:
    """The name and the SQLSTATE of Spark's error condition, and whether the query itself is refused. Without a
    condition: the exception's type."""
    name = getattr(error, "getCondition", lambda: None)()
    state = getattr(error, "getSqlState", lambda: None)()
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return str(name or type(error).__name__), str(state or ""), "AnalysisException" in kinds


if __name__ == "__main__":
    main(sys.argv[1])
