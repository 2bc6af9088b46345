"""The names of an export's files, as a reader of them may dictate."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from sluice.model.declared import Declared

Unique = Literal["run", "second", "minute", "hour", "day"]
"""What no two deliveries of an export share."""
TIMES: dict[Unique, str] = {
    "second": "%EPOCH%",
    "minute": "%DATETIME(YYYYMMDDHHmm)%",
    "hour": "%DATETIME(YYYYMMDDHH)%",
    "day": "%DATETIME(YYYYMMDD)%",
}
"""A macro that tells two of each apart."""
PIECES = 10_000
"""With `chunks.bytes`, the numbers of `%SPLIT%` that each chunk has for its files."""


def _plain(value: Any) -> Any:
    """The extension without its first dot."""
    return value.removeprefix(".") if isinstance(value, str) else value


Extension = Annotated[
    str,
    BeforeValidator(_plain),
    Field(pattern=r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?$", max_length=40),
    WithJsonSchema({"type": "string", "examples": ["gz", "csv.gz", ""]}),
]
"""Letters, digits, `-`, `_` and dots between them; empty for none."""


class Split(Declared):
    """How `%SPLIT%` writes the number of a file within its feed."""

    before: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$", max_length=20)
    """The text before the number, such as `.` or `_`. A file without a number has no such text either."""
    start: int = Field(default=1, ge=0, le=1)
    """The number of the first file: 0 or 1."""
    digits: int = Field(default=1, ge=1, le=9)
    """The least number of digits. Smaller numbers start with zeros."""
    bare: Literal["never", "single", "first"] = "never"
    """The file that has no number. `single`: the only file of a feed. `first`: the first file of every feed."""

    def text(self, number: int, *, alone: bool) -> str:
        """What `%SPLIT%` stands for in the name of a feed's file with this number, counted from 0. `alone` says that
        the feed has no other file."""
        if (self.bare == "first" and number == 0) or (self.bare == "single" and alone):
            return ""
        return f"{self.before}{number + self.start:0{self.digits}d}"


class Trigger(Declared):
    """An empty file that tells the reader that files are complete."""

    suffix: str = Field(default="", pattern=r"^([._-][A-Za-z0-9._-]*)?$", max_length=20)
    """Write one for each file, with the file's name and this text at its end, such as `.fin`."""
    after: Literal["extension", "name"] = "extension"
    """Where the suffix stands: after the `extension` of the file, as in `data.csv.fin`, or after its `name`, in place
    of the extension, as in `data.fin`."""
    name: str = Field(default="", max_length=200)
    """Write one for the whole delivery, with this name, next to the manifest; may contain macros that are the same for
    all feeds."""
    written: Literal["before-manifest", "after-manifest"] = "after-manifest"
    """When it is written. In both cases all files of the delivery are there, and the delivery is decided."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.suffix) == bool(self.name):
            raise ValueError("a trigger needs `suffix`, for one beside each file, or `name`, for one of the delivery")
        return self

    def beside(self, part: str, extension: str) -> str:
        """The name of the trigger file of a part, whose name ends with this extension."""
        return f"{part.removesuffix(extension) if self.after == 'name' else part}{self.suffix}"


def _suffix(value: Any) -> Any:
    return {"suffix": value} if isinstance(value, str) else value


_TRIGGER = Annotated[Trigger, BeforeValidator(_suffix)]


class FileNames(Declared):
    """The names of files in full."""

    name: str = ""
    """The name without its extension; may contain macros. Default: the pattern of Experience Platform's dataset
    export."""
    extension: Extension | None = None
    """The extension of every file, such as `gz`; empty for none. Default: that of the format, the compression and the
    encryption."""
    unique: Unique | None = None
    """The promise that no two deliveries have the same names. `run`, the default: `name` or `folder` contains
    `%RUN_ID%`. `second`, `minute`, `hour`, `day`: they contain the time that the run was due, in UTC, at least to that
    unit; a second run due in the same one is refused before it sends anything."""
    replaces: bool = False
    """Whether a delivery replaces the one before it, under the same names, so that there is no promise. Only for the
    mode `full`."""
    split: Split = Split()
    """How `%SPLIT%` is written."""
    trigger: _TRIGGER | None = None
    """The trigger file. A text such as `.fin` stands for `{suffix: .fin}`. Default: none."""

    @model_validator(mode="after")
    def _one_promise(self) -> Self:
        if self.replaces and self.unique:
            raise ValueError(
                "`unique` promises that no two deliveries share names, and `replaces` that they do: keep one"
            )
        return self

    @property
    def promise(self) -> Unique:
        """What no two deliveries share, unless they replace each other."""
        return self.unique or "run"
