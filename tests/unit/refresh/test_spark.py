"""What a cluster gets: the addresses of files, the types of columns, and constants in its spelling; and how its errors
are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

from sluice.errors import FatalError, RetriableError, SluiceError
from sluice.filesystem import Opened
from sluice.model.access import (
    Access,
    AwsAccess,
    AwsKeys,
    AzureAccess,
    FolderAccess,
    FsspecAccess,
    GoogleAccess,
    SparkAccess,
)
from sluice.refresh.spark import session
from sluice.refresh.spark.addresses import address_of
from sluice.refresh.spark.spelling import Spark
from sluice.refresh.spark.types import compared, spark_type


class At:
    """A folder that nobody has opened."""

    def at(self, name: str) -> str:
        return f"lake/customers/{name}"


S3 = AwsAccess(keys=lambda: AwsKeys("k", "s"), region="eu-west-1")


@pytest.mark.parametrize(
    ("access", "address"),
    [
        (S3, "s3a://lake/customers/day=1/ä.parquet"),
        (GoogleAccess(), "gs://lake/customers/day=1/ä.parquet"),
        (AzureAccess("acc"), "abfss://lake@acc.dfs.core.windows.net/customers/day=1/ä.parquet"),
        (
            AzureAccess("acc", "https://acc.blob.core.chinacloudapi.cn"),
            "abfss://lake@acc.dfs.core.chinacloudapi.cn/customers/day=1/ä.parquet",
        ),
        (FsspecAccess(open=fs.LocalFileSystem, protocol="hdfs"), None),
    ],
    ids=lambda one: type(one).__name__,
)
def test_files_have_the_address_that_clusters_know(access: Access, address: str | None) -> None:
    opened: Any = At()
    assert address_of(access, opened, "day=1/ä.parquet") == address


def test_a_folder_is_where_the_cluster_mounts_it(tmp_path: Path) -> None:
    opened = Opened(FolderAccess(tmp_path), "lake", "a b", read_only=True)
    assert address_of(FolderAccess(tmp_path), opened, "1%.parquet") == f"file://{tmp_path}/a b/1%.parquet"


def test_what_may_be_read_in_another_way_is_neither_read_nor_compared() -> None:
    known = {
        "long": (pa.int64(), "bigint", "whole"),
        "price": (pa.decimal128(18, 2), "decimal(18,2)", "decimal"),
        "wide": (pa.decimal128(19, 2), None, None),
        "real": (pa.float32(), None, None),
        "large": (pa.large_string(), "string", "text"),
        "nanos": (pa.timestamp("ns"), None, None),
        "millis": (pa.timestamp("ms"), None, None),
        "paris": (pa.timestamp("us", "Europe/Paris"), "timestamp", "timestamptz"),
        "plain": (pa.timestamp("us"), "timestamp_ntz", "timestamp"),
        "unsigned": (pa.uint32(), None, None),
        "uuid": (pa.uuid(), None, None),
        "many": (pa.list_(pa.int64()), None, None),
    }
    schema = pa.schema([(name, kind) for name, (kind, _, _) in known.items()])
    assert {name: (spark_type(schema.field(name)), column.kind) for name, column in compared(schema).items()} == {
        name: (spelled, kind) for name, (_, spelled, kind) in known.items()
    }


def test_names_and_constants_end_where_they_should() -> None:
    assert Spark().name("a`b") == "`a``b`"
    assert Spark().text("it's \\' or 1=1 --") == "'it\\'s \\\\\\' or 1=1 --'"
    assert Spark().like("t", "a\\%", negated=True) == "(t not like 'a\\\\\\\\%')"


class FailedError(Exception):
    """As pyspark's errors speak of themselves."""

    def __init__(self, condition: str | None, state: str | None, text: str = "") -> None:
        super().__init__(text or "the value 4711 of ann@example.com")
        self._said = condition, state

    def getCondition(self) -> str | None:  # noqa: N802 - pyspark's name
        return self._said[0]

    def getSqlState(self) -> str | None:  # noqa: N802 - pyspark's name
        return self._said[1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FailedError("NUMERIC_VALUE_OUT_OF_RANGE", "22003"), FatalError),
        (FailedError("FAILED_READ_FILE.FILE_NOT_EXIST", "KD001"), FatalError),
        (FailedError("INVALID_HANDLE.SESSION_CLOSED", "08003"), RetriableError),
        (FailedError(None, None, "StatusCode.UNAUTHENTICATED: token ann@example.com"), FatalError),
        (FailedError(None, None), RetriableError),
    ],
    ids=lambda one: str(getattr(one, "_said", "")),
)
def test_an_error_of_a_cluster_shows_its_condition_and_no_value(error: Any, kind: type[SluiceError]) -> None:
    found = session._translated(error, "cluster", "evaluating the segment")
    assert type(found) is kind
    assert found.what.startswith("connection cluster: evaluating the segment failed: ")
    assert "ann" not in found.page()
    assert "4711" not in found.page()


def test_an_address_holds_what_the_server_asks_for() -> None:
    access = SparkAccess("s", 15002, user="ann;x=1", token="a b", use_ssl=True)
    assert session._url(access) == "sc://s:15002/;use_ssl=true;token=a%20b;user_id=ann%3Bx%3D1"
