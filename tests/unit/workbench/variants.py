"""Files as Data Workbench writes them, in every layout and encoding: the same number always gives the same file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CATALOG = {
    "catalog/datasets.yaml": """\
page-views:
  kind: event
  title: Page View
  key: tracking_id
  event_id: hit_id
  source: {type: parquet, airflow_conn_id: lake, path: page_views}
  columns: {tracking_id: {}, uri: {}}
  metrics: {Page_Views: "1", Value: "coalesce(value, 0)"}
visitors:
  kind: profile
  key: tracking_id
  source: {type: parquet, airflow_conn_id: lake, path: visitors}
  columns: {city: {}, Age Group: {}}
  metrics: {Visits: visits + 0}
products:
  kind: table
  title: Product (all)
  key: sku
  source: {type: parquet, airflow_conn_id: lake, path: products}
""",
    "catalog/segments.yaml": """\
home-page:
  dataset: page-views
  where: uri = '/home'
visitor-segment:
  dataset: visitors
  where: visits > 1
""",
    "exports/.keep": "",
    "project.yaml": "commands: {flipcommand: {program: /opt/bin/flip}}\n",
}
"""A project to import into."""
SERVERS = """\
FTP Servers = vector: 2 items
  0 = ftpServerInfo:
    Address = string: ftp.example.com
    Name = string: Partner
    Port = int: 21
  1 = ftpServerInfo:
    Address = string: sftp.example.com
    Name = string: Other Partner
    Port = int: 2222
Connect Retries = vector: 1 items
  0 = connectServerRetries:
    Retries = int: 3
    Server Name = string: Partner
"""
SECRETS = ("ZZKI62OO5YBA", "ioqwa3OpNE5", "mcprofile2-test", "saea1287617212987q", "mmptest", "p4ss:word=1")
LEVELS = {
    "page-views": ("Page View", "page_view", "PAGE-VIEWS", "pageviews"),
    "visitors": ("Visitors", "visitors"),
    "products": ("Product (all)", "products"),
}
_METRICS = {"page-views": ("Page_Views", "value", "Page Views"), "visitors": ("Visits",), "products": ()}
_NAMES = (
    "Tracking ID",
    "PID",
    "SID",
    "City",
    "Säule",
    "Größe",
    "Age Group",
    "uri",
    'Say "so"',
    "Zwei  Worte",
    "a\\b",
    "x",
)
_ZONES = ("EDT", "UTC", "CET", "Europe/Budapest", "America/New_York", "+05:00", "GMT-3", "")
_DELIMITERS = ("\\t", ";", "|", ", ", " %% ", "\t", "\\\\", "x")

Lines = list[tuple[str, Any]]
"""The parameters of a block, by key: a typed value, a block (type and parameters), or a vector (a list of blocks)."""


@dataclass(frozen=True)
class Variant:
    """One `.export` file."""

    stem: str
    data: bytes
    parameters: int
    """The number of its parameters: what the report has lines for."""


def variant(number: int) -> Variant:
    """The `.export` file of this number."""
    chance = random.Random(f"export {number}")
    lines = _query(chance)
    if chance.random() < 0.3:
        chance.shuffle(lines)
    text = "".join(_written(chance, [("Query", ("SegmentExportQuery", lines))]))
    stem = chance.choice((f"User {number}", f"user-{number}", f"Export_{number}", f"{number}. Säule"))
    return Variant(stem, _encoded(chance, text), sum(_count(value) for _, value in lines))


def mmp(number: int) -> tuple[bytes, int]:
    """`MMPExport.cfg` of this number, and the number of its parameters."""
    chance = random.Random(f"mmp {number}")
    access, secret, client, client_secret, user, password = SECRETS
    lines: Lines = [
        ("s3 Bucket", "string: aws_bucket_for_mmp"),
        ("s3 Object Directory", f"string: {chance.choice(('test/files/', 'a-b', '', '/x/y/'))}"),
        ("s3 Region", f"string: {chance.choice(('us-east-1', ''))}"),
        ("s3 Access Key", f"string: {access}"),
        ("s3 Secret Key", f"string: {secret}"),
        ("data Provider Name", "string: 895"),
        ("client ID", f"string: {client}"),
        ("client Secret", f"string: {client_secret}"),
        ("username", f"string: {user}"),
        ("password", f"string: {password}"),
        ("numRecordsPerChunk", f"int: {chance.choice(('', '1', '5000', '10000', '99999'))}"),
        ("numThreads", f"int: {chance.choice(('', '4', '12', '24', '99'))}"),
        ("maxRetriesOnSendFailure", f"unsigned int: {chance.choice(('', '0', '3'))}"),
    ]
    written = _written(chance, [("MMP Export Configuration", ("MMPExportConfiguration", lines))])
    return _encoded(chance, "".join(written)), len(lines)


def _query(chance: random.Random) -> Lines:
    dataset = chance.choice(list(LEVELS))
    fields = list(_fields(chance, dataset))
    form = chance.choice(("numbers", "csv", "tsv", "names", "none"))
    lines: Lines = [*_command(chance, fields[0], named=form == "names")]
    lines += [("Filter", f"string: {_filter(chance, dataset)}"), ("Level", f"string: {chance.choice(LEVELS[dataset])}")]
    lines += [("Output Format", f"string: {_format(chance, form, fields)}")]
    if form != "names":
        columns = [(title, field) for field, title in fields]
        lines.append(("Output Fields", [_column(title, field) for title, field in columns]))
    if chance.random() < 0.7:
        lines.append(("Output File", f"string: {chance.choice(_FILES)}"))
    if chance.random() < 0.5:
        lines.append(("Add Header", f"bool: {chance.choice(('true', 'false', ''))}"))
        lines.append(("Escape Fields", f"bool: {chance.choice(('true', 'false'))}"))
    lines.append(("Oneshot", f"bool: {chance.choice(('true', 'false', 'False', ''))}"))
    lines += _schedule(chance)
    lines.append(("Time Limit (sec)", f"double: {chance.choice(('1800', '0', '', '600.5', '1e3'))}"))
    return lines


_FILES = ("MMPTest.txt", r"Exports\\Visitor Segment.txt", r"Exports\sub\t.csv", "x", "a/b/Ü 1.dat", "", r"D%x%.txt")


def _fields(chance: random.Random, dataset: str) -> Iterator[tuple[str, str]]:
    """Field Names with their Column Names, which differ in the file."""
    names = [*_NAMES, *(f"={metric}" for metric in _METRICS[dataset])]
    seen: set[str] = set()
    for name in chance.sample(names, chance.randint(1, 5)):
        title = chance.choice(("", "", name.strip("="), f"My {name.strip('=')}"))
        output = (title or name.strip("=")).lower()
        if output not in seen and not (output.replace(" ", "_") in seen or output.replace("_", " ") in seen):
            seen.add(output)
            yield name, title


def _column(title: str, name: str) -> tuple[str, Lines]:
    return "ColumnDefinition", [
        ("Column Name", f"string: {_spelled(title)}"),
        ("Field Name", f"string: {_spelled(name)}"),
    ]


def _spelled(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _format(chance: random.Random, form: str, fields: list[tuple[str, str]]) -> str:
    delimiter, end = chance.choice(_DELIMITERS), chance.choice((r"\r\n", r"\n", r"\n", ""))
    match form:
        case "numbers":
            return delimiter.join(f"%{number}%" for number in range(1, len(fields) + 1)) + end
        case "names":
            return delimiter.join(f"%{_spelled(name)}%" for name, _ in fields) + end
        case "none":
            return ""
        case _:
            return chance.choice((form, form.upper()))


def _filter(chance: random.Random, dataset: str) -> str:
    named = {"page-views": ("home-page", "Home_Page", "home page"), "visitors": ("Visitor Segment",)}.get(dataset, ())
    expressions = (r"City = \"A'B\"", 'not (x=\\"1\\" or y<>\\"2\\")', 'URI matches \\".*/product/.*\\" and True')
    return chance.choice(("", "", *named, *expressions))


def _command(chance: random.Random, first: tuple[str, str], *, named: bool) -> Lines:
    program = chance.choice(("ExportIntegration.exe", r"C:\\Server\\Scripts\\ExportIntegration.exe"))
    visitor = first[0] if named else chance.choice((first[0], first[1] or first[0]))
    to_mmp = (
        "MMPConfiguration",
        [("MMP Segment Name", "string: 12345"), ("MMP Visitor ID Field", f"string: {_spelled(visitor)}")],
    )
    mmp_lines: Lines = [
        ("Command", f"string: {program}"),
        ("Command Arguments", r"string: \"%file%.cfg\" \"%file%\""),
        ("MMP Configuration", to_mmp),
    ]
    sftp = r"sftp \"%file%\" \"Other Partner\" /in/daily -k"
    return chance.choice(
        (
            mmp_lines,
            mmp_lines,
            [*mmp_lines[:2], ("CRS Configuration", _customers(chance, first, most=0 if named else 1))],
            [*mmp_lines[:2], ("CRS Configuration", _customers(chance, first, most=0 if named else 1))],
            [("Command", f"string: {program}"), ("Command Arguments", r"string: ftp \"%file%\" Partner upload")],
            [("Command", f"string: {program}"), ("Command Arguments", f"string: {sftp}")],
            [("Command", "string: "), ("Command Arguments", "string: ")],
            [
                ("Command", "string: TargetBulkUpload.exe"),
                ("TnT Configuration", ("TnTConfig", [("MboxName", "string: m")])),
            ],
            [("Command", "string: flipcommand.bat"), ("Command Arguments", r"string: -x \"%file%\"")],
            [("Command", "string: flipcommand.bat"), mmp_lines[1]],
            [("Command", "string: flipcommand.bat"), ("Command Arguments", "string: -x")],
            [("Command", "string: unknown.bat"), ("Command Arguments", r"string: -x \"%file%\"")],
        )
    )


def _customers(chance: random.Random, first: tuple[str, str], most: int) -> tuple[str, Lines]:
    """Customer records: at most one attribute, of the first field, and ids that no field is named like."""
    name = chance.choice(("", "product", "Zwei Worte"))
    name = name if name or not any(sign in first[0] for sign in '"\\') else "product"
    attribute = [
        ("Attribute Name", f"string: {name}"),
        ("Attribute Type(int,string)", f"string: {chance.choice(('int', 'string', ''))}"),
        ("Field Name", f"string: {_spelled(first[0])}"),
    ]
    lines: Lines = [
        ("CRS Attributes", [("CRSAttributeConfiguration", attribute)] * min(most, chance.choice((0, 1, 1))))
    ]
    lines += [("ECID Field", "string: ecid"), ("Report Suite", [])]
    return "CRSConfig", [*lines, ("Visitor ID Field", f"string: {chance.choice(('', 'Customer ID'))}")]


def _schedule(chance: random.Random) -> Lines:
    every = chance.choice(("", "", "hour", "day", "week", "month", "Day"))
    zone = chance.choice(_ZONES)
    start = chance.choice(
        ("", f"2013-08-{chance.randint(1, 28)} 12:0{chance.randint(0, 9)} {zone}", f"2014-01-31 00:00 {zone}")
    )
    end = chance.choice(("", f"2031-12-31 23:59 {zone}"))
    lines: Lines = [("Schedule Every", f"string: {every}"), ("Schedule Start Time", f"string: {start}")]
    return [*lines, ("Schedule End Time", f"string: {end}")]


def _written(chance: random.Random, lines: Lines) -> Iterator[str]:
    """The lines of a file, in one of the layouts."""
    indent = chance.choice(("  ", "\t", "    ", ""))
    end = chance.choice(("\n", "\r\n", " \n", " \r\n"))
    blank = chance.choice(("", "", end.strip(" ")))
    for depth, key, value in _flat(lines, 0):
        yield f"{indent * depth}{key} = {value}{end}{blank}"


def _flat(lines: Lines, depth: int) -> Iterator[tuple[int, str, str]]:
    for key, value in lines:
        if isinstance(value, str):
            yield depth, key, value
        elif isinstance(value, tuple):
            yield depth, key, f"{value[0]}:"
            yield from _flat(value[1], depth + 1)
        else:
            yield depth, key, f"vector: {len(value)} items"
            yield from _flat([(str(number), one) for number, one in enumerate(value)], depth + 1)


def _count(value: Any) -> int:
    if isinstance(value, str):
        return 1
    inner = [one for _, one in value[1]] if isinstance(value, tuple) else value
    return sum(map(_count, inner)) or 1


def _encoded(chance: random.Random, text: str) -> bytes:
    return text.encode(chance.choice(("utf-8", "utf-8-sig", "cp1252", "utf-16")))
