"""Templates of folders and file names: their macros, and the rules for paths at a destination."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from sluice.definition.errors.problem import Problem, shown, unknown
from sluice.definition.yaml.position import Path
from sluice.model.declared import without_home

MACROS = {
    "DATASET_ID": "the identifier of the dataset, or of the segment's dataset",
    "DATETIME": "the time the run was due, in UTC; accepts a format: `%DATETIME(YYYYMMDD_HHmmss)%`",
    "DESTINATION": "the destination's type",
    "DESTINATION_INSTANCE_ID": "the connection's name",
    "DESTINATION_INSTANCE_NAME": "the connection's title, or its name if it has no title",
    "EPOCH": "the time the run was due, as seconds since 1970 in UTC: 10 digits",
    "EPOCH_MS": "the time the run was due, as milliseconds since 1970 in UTC: 13 digits",
    "EXPORT_NAME": "the export's name",
    "EXPORT_TIME": "the time the run was due, as the folder `exportTime=YYYYMMDDHHMM`",
    "ORGANIZATION_NAME": "the project's `organization`",
    "RUN_ID": "the id of the run, 36 characters; in a backfill, each slice of time has its own",
    "SANDBOX_NAME": "the project's `sandbox`",
    "SEGMENT_ID": "the segment's name, that of the group if it is split, or the dataset's if there is no segment",
    "SEGMENT_NAME": "the segment's name, that of the group if it is split, or the dataset's if there is no segment",
}
"""The macros of folders and file names, with the meaning of each."""
SEGMENT = ("SEGMENT_ID", "SEGMENT_NAME")
"""The macros that have another value for each group of a split segment."""
FILE_MACROS = {
    "PART": "the file's number within its feed, from `00000`; with `bytes`, the chunk's and the file's",
    "SPLIT": "the file's number within its feed, from `1`, as `split` declares it; with `bytes`, each chunk has 10,000"
    " numbers, so the second chunk starts at `10001`",
}
"""The macros of file names only."""
WITH_FORMAT = ("DATETIME",)
"""The macros that accept a format."""

_MACRO = re.compile(r"%([^%()/]*)(?:\(([^()%]*)\))?%")


def expand(template: str, values: Mapping[str, Callable[[str | None], str]]) -> str:
    """Replace each macro in the template. Each function in `values` is called with the macro's format, or None. Unknown
    macros stay unchanged: a rule refuses them."""
    return _MACRO.sub(lambda found: values[found[1]](found[2]) if found[1] in values else found[0], template)


def tokens(template: str) -> Iterator[tuple[str, str | None, str | None]]:
    """The template in pieces: a text, and the macro after it with its format; the last text has none."""
    end = 0
    for found in _MACRO.finditer(template):
        yield template[end : found.start()], found[1], found[2]
        end = found.end()
    yield template[end:], None, None


_DATE_LETTERS = {"YYYY": "%Y", "yyyy": "%Y", "MM": "%m", "DD": "%d", "dd": "%d", "HH": "%H", "mm": "%M"}
_DATE_LETTERS |= {"SS": "%S", "ss": "%S"}
_DATE_FIELD = re.compile("|".join(_DATE_LETTERS))
DATETIME = "YYYYMMDD_HHmmss"
"""The format of `%DATETIME%` without one."""


def time_format(pattern: str) -> str:
    """A format of Experience Platform's letters `YYYY MM DD HH mm ss`, as one of `strftime`. Upper and lower case are
    equal, except that `MM` means months, or minutes after the hour."""

    def spell(found: re.Match[str]) -> str:
        after_hour = pattern[: found.start()].rstrip(":._-").endswith("HH")
        return "%M" if found.group() == "MM" and after_hour else _DATE_LETTERS[found.group()]

    return _DATE_FIELD.sub(spell, pattern.replace("%", "%%"))


def time_of(template: str, moment: datetime) -> str:
    """The template with its macros of time, as they are for a run that was due at this moment."""
    return expand(
        template,
        {
            "DATETIME": lambda pattern: moment.strftime(time_format(pattern or DATETIME)),
            "EPOCH": lambda _: f"{int(moment.timestamp()):010d}",
            "EPOCH_MS": lambda _: f"{int(moment.timestamp() * 1000):013d}",
            "EXPORT_TIME": lambda _: f"exportTime={moment:%Y%m%d%H%M}",
        },
    )


DEFAULT_FOLDERS: Mapping[str, str] = {
    "segment-export": "%SEGMENT_NAME%/%EXPORT_TIME%",
    "data-out-export": "%EXPORT_NAME%/%DATASET_ID%/%EXPORT_TIME%",
    "dataset-export": "%DATASET_ID%/%EXPORT_TIME%",
}
"""The default folder of a feed, for each kind of export. The last one is Experience Platform's default."""


class Layout(NamedTuple):
    """Folders and file names that another product gives its exports."""

    folder: str
    file: str
    levels: int
    """The levels of `folder` that the manifest stands below."""


LAYOUTS: Mapping[str, Layout] = {
    "customer-insights": Layout(
        "CustomerInsights_%SANDBOX_NAME%/%EXPORT_NAME%/%DATASET_ID%/%DATETIME(YYYY)%/%DATETIME(MM)%/%DATETIME(DD)%"
        "/%DATETIME(HHmm)%",
        "%DATASET_ID%_%RUN_ID%_%PART%",
        2,
    )
}
"""Customer Insights documents `<table>_<partition>.csv` as file names. The run's id is added, because two runs may be
due in the same minute."""


def uses(template: str, macro: str) -> bool:
    return any(found[1] == macro for found in _MACRO.finditer(template))


def wrong_template(path: Path, template: str, allowed: str, destination: str) -> Iterator[Problem]:
    """The problems of a folder with macros. `allowed` is a regular expression for one character of a path."""
    yield from _wrong_macros(path, template, MACROS)
    yield from wrong_folder(path, _MACRO.sub(lambda found: found[2] or "x", template), allowed, destination)


def wrong_file(path: Path, template: str, allowed: str, destination: str) -> Iterator[Problem]:
    """The problems of a template of file names, on its own."""
    yield from _wrong_macros(path, template, MACROS | FILE_MACROS)
    plain = _MACRO.sub(lambda found: found[2] or "x", template)
    if "%" in plain:
        yield Problem(path, "a `%` without its pair", "write a macro between two `%`, such as %PART%")
    if "/" in plain or "\\" in plain:
        yield Problem(path, "a file name cannot contain `/` or `\\`", "put folders into `folder`")
    if plain.startswith("."):
        yield Problem(path, "a file whose name starts with a dot is hidden", "start it with a letter or a macro")
    yield from wrong_characters(path, plain.replace("/", ""), allowed, destination)


def wrong_folder(path: Path, folder: str, allowed: str, destination: str) -> Iterator[Problem]:
    """The problems of a folder without macros. `/` alone means the connection's folder."""
    if folder == "/":
        return
    if "%" in folder:
        yield Problem(path, "a `%` without its pair", "write a macro between two `%`, such as %EXPORT_TIME%")
    if "\\" in folder:
        yield Problem(path, "a folder cannot contain `\\`", "write `/` between levels")
    levels = folder.removesuffix("/").split("/")
    if folder.startswith("/"):
        what = "the folder starts at the root, but it is relative to the connection's folder"
        yield Problem(path, what, "delete the first `/`")
    elif (meant := without_home(folder)) is not None:
        what = "`~` works only in a shell; the folder is relative to the connection's folder"
        yield Problem(path, what, f"write {meant or '/'}")
    elif folder and any(level in ("", ".", "..") for level in levels):
        yield Problem(path, "a level of the folder is empty, `.` or `..`", "write levels such as drop/daily")
    yield from wrong_characters(path, folder, allowed, destination)


def _wrong_macros(path: Path, template: str, known: Mapping[str, str]) -> Iterator[Problem]:
    for found in _MACRO.finditer(template):
        if found[1] not in known:
            yield unknown(path, found[1], known, f"`%{found[1]}%` is not a macro", "write one of these between two `%`")
        elif found[2] is not None and found[1] not in WITH_FORMAT:
            yield Problem(path, f"the macro {found[1]} does not accept a format", f"write %{found[1]}%")


def no_macros(path: Path, folder: str, owner: str) -> Iterator[Problem]:
    """The problem of a macro in a folder that does not support macros."""
    if "%" in folder:
        yield Problem(path, f"{owner} folder cannot contain macros", "put macros into the `folder` of an export")


def wrong_level(path: Path, text: str, macro: str, allowed: str, destination: str) -> Iterator[Problem]:
    """The problems of a text that a macro inserts into a folder."""
    if "/" in text or text in (".", ".."):
        yield Problem(path, f"%{macro}% inserts {shown(text)}, which cannot be one level of a folder")
    yield from wrong_characters(path, text, allowed, destination)


def wrong_characters(path: Path, text: str, allowed: str, destination: str) -> Iterator[Problem]:
    """The problem of characters that the destination does not allow in a path."""
    wrong = [c for c in dict.fromkeys(text) if c not in "%\\" and not re.fullmatch(allowed, c)]
    if wrong:
        listed = " ".join(repr(c) for c in wrong)
        yield Problem(path, f"{destination} does not allow {listed} in a path", "delete it, or write `-` or `_`")
