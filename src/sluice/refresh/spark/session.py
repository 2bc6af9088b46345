"""Sessions of a Spark Connect server, whose results depend only on the data and not on the cluster's settings."""

from __future__ import annotations

import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.model.access import Connections, SparkAccess, SparkSubmitAccess
from sluice.refresh.spark.failures import REFUSED, explained
from sluice.stopping import on_stop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PINNED = {
    "spark.sql.ansi.enabled": "true",  # arithmetic stops at an overflow, and a cast at a wrong value
    "spark.sql.caseSensitive": "true",  # of two columns, each is found by its exact name
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",  # `${x}` in a text is only a text
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.parquet.fieldId.read.enabled": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
}
"""Settings that decide what a query means, and how files are read and written."""
_LEAST = 4
"""The oldest major version: since then, ANSI mode and comparisons with NaN are tested."""
_PATIENCE = 10.0
"""Seconds to wait for a connection."""
_TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL")


def access_of(conn_id: str, connections: Connections) -> SparkAccess | SparkSubmitAccess:
    """The address of a cluster. Raises `DefinitionError` if the connection is of another type."""
    access = connections.get(conn_id)
    if not isinstance(access, SparkAccess | SparkSubmitAccess):
        raise DefinitionError(
            f"connection {conn_id} is not a Spark cluster",
            next_step="use an Airflow connection of type spark_connect, or of type spark, whose jobs spark-submit"
            " starts",
        )
    return access


@contextmanager
def _no_doctest() -> Iterator[None]:
    """pyspark takes a program that is no file, such as `python -c`, for its own doctests, and ends the process."""
    program = sys.modules["__main__"]
    nameless = program.__spec__ is None and not hasattr(program, "__file__")
    if nameless:
        program.__file__ = ""
    try:
        yield
    finally:
        if nameless:
            del program.__file__


@contextmanager
def session(access: SparkAccess, conn_id: str, tag: str) -> Iterator[SparkSession]:
    """A session of its own with pinned settings. Its queries carry the tag. They are stopped when the block ends, or
    when the task is stopped. Spark 4.3 loses a query that is stopped while it plans the first job, which then goes on.

    Raises `RetriableError` if the server is unreachable, and `FatalError` if it refuses or is too old."""
    with warnings.catch_warnings(), _no_doctest():
        warnings.simplefilter("ignore", FutureWarning)  # about pandas, which is imported but not used
        from pyspark.sql.connect.session import SparkSession as Connected
    _reach(access, conn_id)
    _silence()
    with reporting(conn_id, "opening a session"):
        opened = cast("SparkSession", Connected.builder.remote(_url(access)).create())
    try:
        with reporting(conn_id, "opening a session"):
            opened.addTag(tag)
            refuse_old(opened.version, conn_id)
            _pin(opened, conn_id)
        with on_stop(opened.interruptAll):
            yield opened
    finally:
        with suppress(Exception):  # the server forgets sessions on its own
            opened.interruptAll()
            opened.stop()


@contextmanager
def reporting(conn_id: str, doing: str) -> Iterator[None]:
    """Translate Spark's errors. Their texts may quote values, so only their condition is shown."""
    import grpc
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, grpc.RpcError) as error:
        raise _translated(error, conn_id, doing) from None


def _translated(error: Any, conn_id: str, doing: str) -> SluiceError:
    from pyspark.errors import AnalysisException

    condition, state = _condition(error)
    return explained(condition, state, conn_id, doing, analysis=isinstance(error, AnalysisException))


def _condition(error: Any) -> tuple[str, str]:
    """The name and the SQLSTATE of Spark's error condition. Without one: gRPC's status, or the exception's type."""
    condition = getattr(error, "getCondition", lambda: None)()
    state = getattr(error, "getSqlState", lambda: None)()
    if condition:
        return str(condition), str(state or "")
    text, code = str(error), getattr(error, "code", None)
    status = str(code().name) if callable(code) else next((one for one in (*REFUSED, *_TRANSIENT) if one in text), "")
    return status or type(error).__name__, ""


def _silence() -> None:
    """Turn off the logs of Spark's client. They hold its errors, with the values that these quote."""
    from pyspark.logger import PySparkLogger

    for name in ("pyspark.sql.connect.logging", "SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True


def _url(access: SparkAccess) -> str:
    given = {"use_ssl": str(access.use_ssl).lower(), "token": access.token, "user_id": access.user}
    spelled = ";".join(f"{name}={quote(value, safe='')}" for name, value in given.items() if value)
    return f"sc://{access.host}:{access.port}/;{spelled}"


def _reach(access: SparkAccess, conn_id: str) -> None:
    """Try to connect: Spark's own client would retry for minutes."""
    try:
        socket.create_connection((access.host, access.port), _PATIENCE).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RetriableError(f"connection {conn_id}: {access.host}:{access.port} is unreachable: {reason}") from None


def refuse_old(version: str, conn_id: str) -> None:
    """Raise `FatalError` if the cluster's Spark is too old."""
    if int(version.split(".")[0]) < _LEAST:
        raise FatalError(
            f"connection {conn_id}: the cluster runs Spark {version}",
            next_step=f"use a cluster with Spark {_LEAST}.0 or later, or declare `engine: duckdb`",
        )


def _pin(opened: SparkSession, conn_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about settings that will not exist for ever
        for name, value in PINNED.items():
            if opened.conf.get(name, None) != value:
                with reporting(conn_id, f"setting {name} to {value}"):
                    opened.conf.set(name, value)
