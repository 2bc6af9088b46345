"""Templates of folders and file names: the macros they may hold, and what a path may be at a destination."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from sluice.definition.errors.problem import Problem, shown, unknown
from sluice.definition.yaml.position import Path
from sluice.model.declared import without_home

MACROS = {
    "DATASET_ID": "the identifier of the dataset, or of the segment's dataset",
    "DATETIME": "when the run was due, in UTC; takes a format: `%DATETIME(YYYYMMDD_HHmmss)%`",
    "DESTINATION": "the destination's type",
    "DESTINATION_INSTANCE_ID": "the connection's name",
    "DESTINATION_INSTANCE_NAME": "the connection's title, or its name where it has none",
    "EXPORT_NAME": "the export's name",
    "EXPORT_TIME": "when the run was due: the level `exportTime=YYYYMMDDHHMM`",
    "ORGANIZATION_NAME": "the project's `organization`",
    "RUN_ID": "the run's id, 36 characters: one for each run, and one for each slice of time",
    "SANDBOX_NAME": "the project's `sandbox`",
    "SEGMENT_ID": "the segment's name, or the dataset's where no segment is delivered",
    "SEGMENT_NAME": "the segment's name, or the dataset's where no segment is delivered",
}
"""Every macro of folders, with what stands in its place; file names have them too."""
FILE_MACROS = {"PART": "the file's number within its feed, from `00000`; with `bytes`, the chunk's and the file's"}
"""What file names have besides."""
WITH_FORMAT = ("DATETIME",)

_MACRO = re.compile(r"%([^%()/]*)(?:\(([^()%]*)\))?%")


def expand(template: str, values: Mapping[str, Callable[[str | None], str]]) -> str:
    """The template with each macro's value in its place; a value is given the macro's format, or None. What is no
    macro stays as it stands: a rule refuses it."""
    return _MACRO.sub(lambda found: values[found[1]](found[2]) if found[1] in values else found[0], template)


DEFAULT_FOLDERS: Mapping[str, str] = {
    "segment-export": "%SEGMENT_NAME%/%EXPORT_TIME%",
    "data-out-export": "%EXPORT_NAME%/%DATASET_ID%/%EXPORT_TIME%",
    "dataset-export": "%DATASET_ID%/%EXPORT_TIME%",
}
"""The folder of each kind's feeds when the export declares none; the last is the product's own default."""


def uses(template: str, macro: str) -> bool:
    return any(found[1] == macro for found in _MACRO.finditer(template))


def wrong_template(path: Path, template: str, allowed: str, destination: str) -> Iterator[Problem]:
    """What is wrong with a folder that may hold macros. `allowed` is one character of a path, as an expression."""
    yield from _wrong_macros(path, template, MACROS)
    yield from wrong_folder(path, _MACRO.sub(lambda found: found[2] or "x", template), allowed, destination)


def wrong_file(path: Path, template: str, allowed: str, destination: str) -> Iterator[Problem]:
    """What is wrong with a template of file names in itself."""
    yield from _wrong_macros(path, template, MACROS | FILE_MACROS)
    plain = _MACRO.sub(lambda found: found[2] or "x", template)
    if "%" in plain:
        yield Problem(path, "a `%` stands alone", "a macro stands between two: %PART%")
    if "/" in plain or "\\" in plain:
        yield Problem(path, "the name of a file has no `/` and no `\\`", "write folders into `folder`")
    if plain.startswith("."):
        yield Problem(path, "files whose names begin with a dot are hidden", "begin it with a letter or a macro")
    yield from wrong_characters(path, plain.replace("/", ""), allowed, destination)


def wrong_folder(path: Path, folder: str, allowed: str, destination: str) -> Iterator[Problem]:
    """What is wrong with a folder without macros; `/` alone means the connection's own."""
    if folder == "/":
        return
    if "%" in folder:
        yield Problem(path, "a `%` stands alone", "a macro stands between two: %EXPORT_TIME%")
    if "\\" in folder:
        yield Problem(path, "a folder has no `\\`", "write `/` between levels")
    levels = folder.removesuffix("/").split("/")
    if folder.startswith("/"):
        yield Problem(path, "the folder begins at the root", "write it without the first `/`: below the connection's")
    elif (meant := without_home(folder)) is not None:
        yield Problem(path, "only a shell knows `~`", f"write {meant or '/'}: below the connection's")
    elif folder and any(level in ("", ".", "..") for level in levels):
        yield Problem(path, "a level of the folder is empty, `.` or `..`", "write levels such as drop/daily")
    yield from wrong_characters(path, folder, allowed, destination)


def _wrong_macros(path: Path, template: str, known: Mapping[str, str]) -> Iterator[Problem]:
    for found in _MACRO.finditer(template):
        if found[1] not in known:
            yield unknown(path, found[1], known, f"`%{found[1]}%` is not a macro", "write one of these between two `%`")
        elif found[2] is not None and found[1] not in WITH_FORMAT:
            yield Problem(path, f"the macro {found[1]} takes no format", f"write %{found[1]}%")


def no_macros(path: Path, folder: str, whose: str) -> Iterator[Problem]:
    """That a folder holds a macro where nothing stands in for it."""
    if "%" in folder:
        yield Problem(path, f"{whose} folder takes no macros", "write macros into the `folder` of an export")


def wrong_level(path: Path, text: str, macro: str, allowed: str, destination: str) -> Iterator[Problem]:
    """What is wrong with a text that a macro puts into a folder."""
    if "/" in text or text in (".", ".."):
        yield Problem(path, f"{shown(text)} cannot be one level of a folder, and %{macro}% puts it there")
    yield from wrong_characters(path, text, allowed, destination)


def wrong_characters(path: Path, text: str, allowed: str, destination: str) -> Iterator[Problem]:
    """Which characters the destination's type refuses in a path."""
    wrong = [c for c in dict.fromkeys(text) if c not in "%\\" and not re.fullmatch(allowed, c)]
    if wrong:
        listed = " ".join(repr(c) for c in wrong)
        yield Problem(path, f"{destination} takes no {listed} in a path", "leave it out, or write `-` or `_`")
