"""The format of Data Workbench's files: its layouts and encodings, and the errors of damaged files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import DefinitionError
from sluice.workbench.blocks import EXPORT_FILE, MMP_FILE, SERVERS_FILE
from sluice.workbench.parse import Entry, parse
from sluice.workbench.source import MOST, Source, read
from sluice.workbench.text import escape, escape_path, raw_at, unescape
from tests.unit.workbench.samples import EXPORT, MMP, SECRETS
from tests.unit.workbench.variants import SERVERS


def tree(entry: Entry) -> dict[str, Any]:
    return {key: tree(one) if one.nested else one.text for key, one in entry.entries.items()}


def parsed(text: str | bytes, name: str = "User.export") -> Entry:
    return parse(Source(name, text if isinstance(text, bytes) else text.encode()), EXPORT_FILE)


def error(text: str | bytes) -> str:
    with pytest.raises(DefinitionError) as raised:
        parsed(text)
    return raised.value.page()


def indented(text: str, by: str) -> str:
    """The sample as it would be indented."""
    deep = {"Query": 0, "MMP Segment Name": 2, "MMP Visitor ID Field": 2, "Column Name": 3, "Field Name": 3}
    levels = [2 if line[0].isdigit() else deep.get(line.partition(" =")[0], 1) for line in text.splitlines()]
    return "".join(f"{by * level}{line}\n" for level, line in zip(levels, text.splitlines(), strict=True))


def test_the_sample() -> None:
    query = tree(parsed(EXPORT))["Query"]

    assert list(query)[:6] == ["Command", "Command Arguments", "Filter", "Level", "MMP Configuration", "Oneshot"]
    assert query["Command Arguments"] == '"%file%.cfg" "%file%"'
    assert query["MMP Configuration"] == {"MMP Segment Name": "12345", "MMP Visitor ID Field": "Tracking ID"}
    assert query["Output Fields"]["2"] == {"Column Name": "", "Field Name": "SID"}
    assert query["Output Format"] == "%1%\t%2%\t%3%\r\n"


@pytest.mark.parametrize("by", ["", " ", "  ", "\t", "        "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \n", "\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_layout_reads_the_same(by: str, end: str, encoding: str) -> None:
    text = EXPORT.replace("SID", "Säule").replace("PID", "Größe")
    written = indented(text, by).replace("\n", end).encode(encoding)

    assert tree(parsed(written)) == tree(parsed(text))


def test_blocks_on_one_level_take_the_parameters_that_they_know() -> None:
    """`Name` is of a server, `Server Name` of a retry, and the second vector is not in the first."""
    flat = "".join(f"{line.lstrip()}\n" for line in SERVERS.splitlines())

    servers = parse(Source("FTPServerInfo.cfg", flat.encode()), SERVERS_FILE)

    assert tree(servers) == tree(parse(Source("FTPServerInfo.cfg", SERVERS.encode()), SERVERS_FILE))
    assert tree(servers)["FTP Servers"]["1"]["Port"] == "2222"


def test_an_empty_block_takes_nothing_from_the_next_lines() -> None:
    text = "Query = SegmentExportQuery:\n  MMP Configuration = MMPConfiguration:\n  Level = string: Page View\n"

    assert tree(parsed(text))["Query"] == {"MMP Configuration": {}, "Level": "Page View"}


def test_escapes() -> None:
    assert unescape(r"a\tb\r\n\"c\"\\d \x") == 'a\tb\r\n"c"\\d \\x'
    assert unescape(r"Exports\test\\x\"", only='\\"') == 'Exports\\test\\x"'
    for text in ('a\tb\r\n"c"\\d', "", "\\", "\\t"):
        assert unescape(escape(text)) == text
        assert unescape(escape_path(text), only='\\"') == text
    raw = r"\ta\"%"
    assert [raw_at(raw, at) for at in range(5)] == [0, 2, 3, 5, 6]


QUERY = "Query = SegmentExportQuery:\n"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (EXPORT[: EXPORT.index("2 = Col")], "10:25", "says that it has 3 items, but it has 2"),
        (EXPORT.replace("3 items", "4 items"), "10:25", "says that it has 4 items, but it has 3"),
        (EXPORT.replace("3 items", "2 items"), "17:1", "says that it has 2 items, but it has more"),
        (EXPORT.replace("3 items", "many items"), "10:25", "expected the vector's number of items"),
        (EXPORT.replace("1 = Col", "2 = Col"), "14:1", "expected item 1, but this is item 2"),
        (EXPORT.replace("1 = Col", "0 = Col"), "14:1", "expected item 1, but this is item 0"),
        (EXPORT.replace("string: MMP", "strng: MMP"), "20:15", "unknown type `strng`"),
        (EXPORT.replace("SegmentExportQuery", "SegmentQuery"), "1:9", "unknown type `SegmentQuery`"),
        (EXPORT.replace("SegmentExportQuery", "MMPConfiguration"), "1:9", "`Query` is of type SegmentExportQuery"),
        (EXPORT.replace("bool: true", "bool: yes"), "9:17", "expected true or false, not `yes`"),
        (EXPORT.replace("bool: true", "string: true"), "9:11", "`Oneshot` is of type bool, not string"),
        (EXPORT.replace("double: 1800", "double: soon"), "25:28", "expected a number, not `soon`"),
        (EXPORT.replace("double: 1800", "double: 1e999"), "25:28", "expected a number"),
        (EXPORT.replace("vector: 3 items", "string: x"), "10:17", "is of type vector, not string"),
        (EXPORT.replace("Level = string", "Filter = string"), "5:1", "`Filter` is here a second time"),
        (EXPORT.replace("Level = string: Page View", "Level string: Page View"), "5:24", "this line has no `=`"),
        (EXPORT.replace("Level = string:", "Level = string"), "5:25", "no `:` follows the type"),
        (EXPORT.replace("Level =", "="), "5:1", "this line has no key"),
        (EXPORT.replace("Level = string", "Level = "), "5:8", "this line has no type"),
        (EXPORT.replace("Level", "   Level"), "5:4", "indented like no block that is open here"),
        (f"{QUERY}  Level = string: x\n Filter = string:\n", "3:2", "indented like no block that is open here"),
        (f"{QUERY}  0 = ColumnDefinition:\n", "2:3", "item 0 is in no vector"),
        (EXPORT.replace("Query", "\0Query"), "1:1", "U+0000"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x81", "1:5", "this is not text"),
        (EXPORT.encode("cp1252").replace(b"SID", b"S\x81D"), "19:23", "this is not text"),
        ("", "1:1", "this is no .export file: it has no `Query`"),
        (MMP, "1:1", "this is no .export file"),
        (EXPORT + QUERY, "26:1", "`Query` is here a second time"),
    ],
)
def test_damage_is_told_with_its_place(text: str | bytes, place: str, said: str) -> None:
    page = error(text)

    assert page.startswith(f"User.export:{place}  ")
    assert said in page
    assert "nothing was written" in page


def test_the_nearest_type_is_suggested() -> None:
    assert "did you mean: SegmentExportQuery" in error(EXPORT.replace("SegmentExportQuery", "SegmentExportQery"))


def test_deep_nesting_is_refused() -> None:
    deep = "".join(f"{' ' * n}Level{n} = MMPConfiguration:\n" for n in range(1, 100))

    assert "nested more than 20 levels deep" in error(QUERY + deep)


def test_errors_show_no_secret() -> None:
    lines = MMP.splitlines()
    pages = []
    for number, line in enumerate(lines):
        for broken in (line.replace("=", ""), line.replace(":", "", 1), line.replace("string", "strng"), f"x {line}="):
            text = "\n".join([*lines[:number], broken, *lines[number + 1 :]])
            with suppress(DefinitionError):
                parse(Source("MMPExport.cfg", text.encode(), secret=True), MMP_FILE)
                continue
            with pytest.raises(DefinitionError) as raised:
                parse(Source("MMPExport.cfg", text.encode(), secret=True), MMP_FILE)
            pages.append(raised.value.page())
    assert len(pages) > len(lines)
    assert [page for page in pages if any(secret in page for secret in SECRETS)] == []


def test_a_file_with_logins_is_one_under_any_name() -> None:
    """No line of it is shown, although nobody has said that it has secrets."""
    given = Source("FTPServerInfo.cfg", MMP.replace("Secret Key = string: ", "Secret Key = string:\n").encode())

    with pytest.raises(DefinitionError) as raised:
        parse(given, SERVERS_FILE)

    assert not any(secret in raised.value.page() for secret in SECRETS)
    assert not Source("User.export", EXPORT.encode()).secret


def test_a_huge_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    huge = tmp_path / "User.export"
    with huge.open("wb") as stream:
        stream.truncate(100_000_000)

    with pytest.raises(DefinitionError, match=f"larger than {MOST:,} bytes"):
        read(huge)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "User.export"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(DefinitionError) as raised:
        read(path)
    assert "nothing was written" in raised.value.page()
