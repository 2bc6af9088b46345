"""The file that is written: its format, its name, and how long it may take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.workbench.importing import declared, error, imported, line
from tests.unit.workbench.samples import FORMAT, MMP, titled


@pytest.mark.parametrize(
    ("written", "declared_as"),
    [
        (r"%3%;%1%\n", {"type": "template", "template": r"%3%;%1%\n"}),
        (r"%1%, 100 %% %2%", {"type": "template", "template": r"%1%, 100 %% %2%\r\n"}),
        ("%1%\t%2%\\r\\n", {"type": "template", "template": r"%1%\t%2%\r\n"}),
        (r"\"%1%\"\\%2%\r\n", {"type": "template", "template": r'"%1%"\\%2%\r\n'}),
        ("CSV", {"type": "csv", "compression": "none", "header": False}),
        ("tsv", {"type": "csv", "compression": "none", "header": False, "delimiter": "tab"}),
        ("", {"type": "template", "template": FORMAT}),
    ],
)
def test_output_formats(include: Path, written: str, declared_as: dict[str, Any]) -> None:
    found = imported(include, (FORMAT, written))

    assert declared(found, "user")["format"] == declared_as


@pytest.mark.parametrize(("header", "named", "expected"), [("", True, True), ("", False, False), ("true", False, True)])
def test_a_header_is_written_if_columns_have_names(include: Path, header: str, named: bool, expected: bool) -> None:
    names = [titled(number, f"C{number}") for number in range(3)] if named else []
    added = f"Add Header = bool: {header}\nCommand = string" if header else "Command = string"
    found = imported(include, *names, ("Command = string", added), (FORMAT, "csv"))

    assert declared(found, "user")["format"].get("header", True) is expected


def test_escape_fields_is_quoting(include: Path) -> None:
    found = imported(include, ("Command = string", "Escape Fields = bool: false\nCommand = string"), (FORMAT, "csv"))

    assert declared(found, "user")["format"]["quoting"] == "none"


def test_a_legacy_format_names_its_fields(include: Path) -> None:
    found = imported(include, (FORMAT, r"%Tracking ID%;%=Page_Views%;%Tracking ID%;%%\n"))

    assert declared(found, "user")["fields"] == ["Tracking ID", {"metric": "Page_Views"}]
    assert declared(found, "user")["format"]["template"] == r"%1%;%2%;%1%;%%\n"
    assert line(found, "Output Fields > 1 > Field Name").endswith("the Output Format names its fields itself")


@pytest.mark.parametrize(
    ("written", "column", "said"),
    [
        (r"%1%\t%9%\r\n", 30, "uses field 9, but there are 3 Output Fields"),
        (r"%1%\t5%\r\n", 31, "a `%` without its pair"),
        (r"%PID%\t%1%\r\n", 32, "by name and by number"),
        (r"%PID%\t%=Nope%\r\n", 32, "has no metric `Nope`"),
    ],
)
def test_formats_that_do_not_fit(include: Path, written: str, column: int, said: str) -> None:
    page = error(include, (FORMAT, written))

    assert page.startswith(f"User.export:21:{column}")
    assert said in page


@pytest.mark.parametrize(
    ("path", "folder", "file"),
    [
        (r"Exports\\Visitor Segment.txt", "/", "Visitor-Segment"),
        (r"Exports\sub\t.txt", "sub", "t"),
        ("a/b/Ü 1.dat", "a/b", "1"),
        ("plain", "/", "plain"),
    ],
)
def test_output_files(include: Path, path: str, folder: str, file: str) -> None:
    found = imported(include, ("MMPTest.txt", path))

    assert declared(found, "user")["folder"] == folder
    assert declared(found, "user")["file"] == f"{file}_%RUN_ID%_%PART%"


def test_output_files_outside_the_folder_are_refused(include: Path) -> None:
    assert "outside the folder of exports" in error(include, ("MMPTest.txt", r"..\\..\\x.txt"))


@pytest.mark.parametrize(
    ("limit", "expected"), [("0", "0s"), ("", "10m"), ("600.5", "600500ms"), ("3600", "1h"), ("1e-9", "1ms")]
)
def test_time_limits(include: Path, limit: str, expected: str) -> None:
    """The limit is that of the file, wherever the export is delivered to."""
    assert declared(imported(include, ("double: 1800", f"double: {limit}")), "user")["time_limit"] == expected
    assert declared(imported(include, ("double: 1800", f"double: {limit}"), mmp=MMP), "user")["time_limit"] == expected
