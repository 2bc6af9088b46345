"""What is measured: each work, its subjects, and the targets of Sluice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KEPT = ("profile_id", "email", "first_name", "country", "balance", "last_seen")
"""The third of the columns that the segment export sends."""
FILTER = "score >= 0.9"
"""The condition that a tenth of the profiles meet."""

Measure = Literal["rate", "time", "size", "rss"]


@dataclass(frozen=True)
class Subject:
    """One way of doing a work. `function` is `module:name` of a peer, or an export of Sluice's own."""

    name: str
    title: str
    function: str
    ours: bool = False
    files: str = ""
    """Which of its files hold the rows. Default: the work's pattern."""
    slow: bool = False
    """Measured once, on a tenth of the rows, because it is many times slower than the others."""
    once: bool = False
    """Measured only in the first round."""
    times: int = 1
    """Multiplies the rows."""


@dataclass(frozen=True)
class Target:
    """A target: Sluice's `measure` as a multiple of the best of these subjects, or its own value if there are none."""

    measure: Measure
    against: tuple[str, ...]
    words: str
    at_least: float | None = None
    at_most: float | None = None
    subject: str = "sluice"

    def met(self, ratio: float) -> bool:
        """Whether a ratio is within the bounds."""
        return ratio >= (self.at_least or 0) and (self.at_most is None or ratio <= self.at_most)


@dataclass(frozen=True)
class Work:
    """One work: every subject writes the same rows in the same format."""

    name: str
    title: str
    files: str
    """A pattern for the files that hold the rows, below a subject's folder."""
    subjects: tuple[Subject, ...]
    targets: tuple[Target, ...]
    flat: bool = False
    """Only the 16 columns that are not nested."""
    note: str = ""
    unit: str = "rows"
    """What its rates count."""
    compared: bool = True
    """Whether its subjects do the same work, so that their rates compare."""


def _sluice(export: str, title: str = "Sluice", name: str = "sluice", *, once: bool = False) -> Subject:
    return Subject(name, title, export, ours=True, once=once)


_DUCKDB = ("duckdb", "duckdb-threads")


def _ahead(kind: str, *peers: str) -> tuple[Target, ...]:
    """At least the rate of the fastest peer, in files that are clearly smaller than those of the fastest one."""
    return (
        Target("rate", peers, f"{kind} gzip: ahead of every peer", at_least=1),
        Target("size", ("polars",), f"{kind} gzip: 0.8x Polars' size", at_most=0.8),
    )


NDJSON = Work(
    "ndjson",
    "NDJSON, gzip",
    "**/*.json.gz",
    (
        _sluice("ndjson"),
        Subject("duckdb", "DuckDB, one file", "duck:ndjson"),
        Subject("duckdb-threads", "DuckDB, a file per thread", "duck:ndjson_threads"),
        Subject("spark", "Spark, local cores", "spark:ndjson"),
        Subject("polars", "Polars sink", "polar:ndjson"),
        Subject("dlt", "dlt, filesystem", "dlt_files:ndjson", files="out/bench/profiles/*.jsonl.gz", slow=True),
        Subject("pandas", "pandas", "panda:ndjson", slow=True),
    ),
    (
        *_ahead("NDJSON", *_DUCKDB, "spark", "polars", "dlt", "pandas"),
        Target("size", ("duckdb",), "NDJSON gzip: 1.25x DuckDB's size", at_most=1.25),
    ),
)
CSV = Work(
    "csv",
    "CSV, gzip, the 16 flat columns",
    "**/*.csv.gz",
    (
        _sluice("csv"),
        Subject("duckdb", "DuckDB, one file", "duck:csv"),
        Subject("duckdb-threads", "DuckDB, a file per thread", "duck:csv_threads"),
        Subject("polars", "Polars sink", "polar:csv"),
        Subject("pyarrow", "pyarrow, streamed", "arrow:csv"),
        Subject("pandas", "pandas", "panda:csv", slow=True),
    ),
    _ahead("CSV", *_DUCKDB, "polars", "pyarrow", "pandas"),
    flat=True,
)
PARQUET = Work(
    "parquet",
    "Parquet, gzip",
    "**/*.parquet",
    (
        _sluice("parquet"),
        Subject("duckdb", "DuckDB, one file", "duck:parquet"),
        Subject("duckdb-threads", "DuckDB, a file per thread", "duck:parquet_threads"),
        Subject("spark", "Spark, local cores", "spark:parquet"),
        Subject("polars", "Polars sink", "polar:parquet"),
        Subject("pyarrow", "pyarrow, streamed", "arrow:parquet"),
        Subject("dlt", "dlt, filesystem", "dlt_files:parquet", files="out/bench/profiles/*.parquet", slow=True),
        Subject("pandas", "pandas", "panda:parquet", slow=True),
    ),
    (*_ahead("Parquet", *_DUCKDB, "spark", "polars", "pyarrow", "dlt", "pandas"),),
)
CHUNKED = Work(
    "chunked",
    "NDJSON, gzip, 10,000 records a file",
    "**/*.json.gz",
    (
        _sluice("chunked", "Sluice, chunks of 10,000"),
        _sluice("ndjson", "Sluice, not chunked", "unchunked"),
        _sluice("single", "Sluice, one chunk", "single", once=True),
    ),
    (Target("rate", ("unchunked",), "chunked: 85 % of unchunked", at_least=0.85),),
    note="Sluice always cuts into chunks. *Not chunked* is an export without `chunks`: 250,000 records a file. One"
    " chunk for all rows is one file, which one core encodes.",
)
SEGMENT = Work(
    "segment",
    "Segment export: a tenth of the rows, a third of the columns",
    "**/*.csv.gz",
    (
        _sluice("refresh", "Sluice, the segment's refresh", "refresh"),
        _sluice("segment", "Sluice, the export"),
        _sluice("keys", "Sluice, the export, if the data has changed since", "keys"),
        Subject("duckdb", "DuckDB's COPY, one file", "duck:segment"),
        Subject("duckdb-threads", "DuckDB's COPY, a file per thread", "duck:segment_threads"),
        Subject("duckdb-scan", "DuckDB, scan and filter, keeping nothing", "duck:segment_scan"),
    ),
    (Target("rate", _DUCKDB, "segment export: 3x DuckDB's COPY of the same rows", at_least=3),),
    note="The segment is evaluated by its refresh, once for all exports of it. The refresh stages the members' rows."
    " The export takes them from the files that the refresh has read, and writes gzipped CSV; in files that changed"
    " later, it looks for the members' keys. DuckDB's COPY filters and writes; its bare scan writes nothing."
    " Half of the export's CPU time goes into decoding the six columns, which is at Polars' rate: with a filter inside"
    " its decoder, it takes as long.",
)
DAG = Work(
    "dag",
    "NDJSON, gzip, inside a DAG run",
    "**/*.json.gz",
    (_sluice("ndjson", "Sluice, inside a DAG run", "inside"), _sluice("ndjson", "Sluice, outside", "outside")),
    (Target("rate", ("outside",), "inside a DAG run: 90 % of outside", at_least=0.9, subject="inside"),),
    note="Inside: from the first byte that an upload task of the run sends until the last task has ended, while"
    " Airflow's own processes run. Loading Arrow and Polars takes a fifth of a second of it. Outside: the upload"
    " seconds in the report of the same export, without Airflow; earlier steps have loaded both libraries.",
)
FLAT = Work(
    "flat",
    "Flat memory, NDJSON, gzip",
    "**/*.json.gz",
    (
        _sluice("ndjson", "Sluice", "small", once=True),
        Subject("large", "Sluice, ten times the rows", "ndjson", ours=True, once=True, times=10),
    ),
    (
        Target("rss", ("small",), "flat memory: 1.1x the RSS of a tenth of the rows", at_most=1.1, subject="large"),
        Target("rss", (), "flat memory: 1.2 GB", at_most=1.2e9, subject="large"),
    ),
)


@dataclass(frozen=True)
class Case:
    """What is hard on memory: a dataset (`benchmarks.memory.DATA`), and what its export declares besides."""

    title: str
    data: str
    declared: str


_ONE, _MANY = "records: 1000000", "records: 100"
_WIDE = "chunks: {records: 10000, threads: 24}"
CASES = {
    "columns-json": Case("200 columns, 24 threads, NDJSON", "columns", f"format: {{type: json}}\n{_WIDE}"),
    "columns-parquet": Case("200 columns, 24 threads, Parquet", "columns", f"format: {{type: parquet}}\n{_WIDE}"),
    **{
        f"{data}-{kind}-{records.removeprefix('records: ')}": Case(
            f"500 kB values, {'random' if data == 'random' else 'all the same'}, {chunks}, {spelled}",
            data,
            f"format: {{type: {kind}}}\nchunks: {{{records}}}",
        )
        for data in ("random", "same")
        for kind, spelled in (("json", "NDJSON"), ("parquet", "Parquet"))
        for chunks, records in (("one chunk", _ONE), ("chunks of 100", _MANY))
    },
    "groups-1000": Case("1,000 row groups of one row", "groups_1000", "format: {type: json}"),
    "groups-2000": Case("2,000 row groups of one row", "groups_2000", "format: {type: json}"),
    "columns-20000": Case("20,000 columns, NDJSON", "columns_20000", "format: {type: json}"),
    "pages": Case("500 kB values, random, in pages of 512 MB", "random_pages", "format: {type: json}"),
    "expanding": Case("a file of 74 kB that holds 1.5 GB", "expanding", "format: {type: json}"),
}
MEMORY = Work(
    "memory",
    "Memory: what is hard on it, with the default of 512 MB",
    "**/part-*",
    tuple(Subject(name, case.title, name, ours=True, once=True) for name, case in CASES.items()),
    (
        *(
            Target("rss", (), f"{case.title}: 1.2 GB", at_most=1.2e9, subject=name)
            for name, case in CASES.items()
            if name != "pages"
        ),
        Target("time", ("groups-1000",), "row groups of one row: no longer for each in twice as many", at_most=1.2,
               subject="groups-2000"),
    ),
    note="Every reader decompresses a page of a Parquet file whole. By default, Arrow's writer makes pages of 1,024"
    " values. With values of 500 kB, a page takes 512 MB compressed and as much decompressed, whatever the budget is."
    " That case has no target.",
    compared=False,
)  # fmt: skip

_LOOPBACK = (
    "One delivery of eight files of bytes that cannot be compressed, as Parquet's hardly can, read from the page cache,"
    " four at once, on the loopback. Client and server share the processors: the ratios of a round count, and no"
    " absolute figure. CPU is the client's alone. "
)
S3 = Work(
    "s3",
    "Delivering to S3",
    "",
    (
        Subject("sluice", "Sluice", "", ours=True),
        Subject("boto3", "boto3 transfer", ""),
        Subject("pyarrow", "pyarrow", ""),
    ),
    (Target("rate", ("boto3", "pyarrow"), "S3: 90 % of the fastest client", at_least=0.9),),
    note=_LOOPBACK + "The server is rclone.",
    unit="MiB",
)
SFTP = Work(
    "sftp",
    "Delivering by SFTP",
    "",
    (
        Subject("sluice", "Sluice", "", ours=True),
        Subject("openssh", "OpenSSH sftp", ""),
        Subject("openssh-gcm", "OpenSSH sftp, aes128-gcm", ""),
    ),
    (Target("rate", ("openssh", "openssh-gcm"), "SFTP: 90 % of OpenSSH's client", at_least=0.9),),
    note=_LOOPBACK + "The server is OpenSSH's sshd, for which the benchmark needs root.",
    unit="MiB",
)

WORKS = {work.name: work for work in (NDJSON, CSV, PARQUET, CHUNKED, SEGMENT, DAG, FLAT, MEMORY, S3, SFTP)}
GROUPS = {"destinations": (S3.name, SFTP.name)}
"""Names for several works at once."""
