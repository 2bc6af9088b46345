"""Commands that follow a delivery: which ones the project allows, and which one an export runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sluice.model.declared import Declared, Duration, Name

FILE, MANIFEST = "%file%", "%manifest%"
"""What arguments may contain: the address of a delivered file, and the path of a copy of the manifest."""
_MACRO = re.compile(r"%[A-Za-z_]+%")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _absolute(path: str) -> str:
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts or path.endswith("/") or _CONTROL.search(path):
        raise ValueError("not the absolute path of a program: write one such as /opt/bin/convert, without arguments")
    return path


def _known_macros(argument: str) -> str:
    if _CONTROL.search(argument):
        raise ValueError("an argument contains a control character: delete it")
    for macro in _MACRO.findall(argument):
        if macro not in (FILE, MANIFEST):
            near = get_close_matches(macro, (FILE, MANIFEST), 1)
            raise ValueError(f"`{macro}` is not known: write {near[0] if near else f'{FILE} or {MANIFEST}'}")
    return argument


class Command(Declared):
    """A program that exports may run after a delivery."""

    program: Annotated[str, AfterValidator(_absolute)]
    """The absolute path of the program, on every worker. It is started directly, without a shell."""
    time_limit: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=10)
    """The time after which the program is stopped, and its task fails."""


class FollowUp(Declared):
    """The command that runs after each delivery."""

    command: Name
    """The name of a command that `commands` in `project.yaml` allows."""
    arguments: tuple[Annotated[str, AfterValidator(_known_macros)], ...] = ()
    """The arguments, each passed as it is. `%file%` is the address of a file of the delivery, and `%manifest%` the path
    of a copy of the manifest on the worker."""
    once_per: Literal["delivery", "file"] = "delivery"
    """How often the command runs. `delivery`: once; an argument with `%file%` is repeated for each file. `file`: once
    for each file, one after another, until one run fails; `%file%` is that file."""

    @model_validator(mode="after")
    def _of_a_file(self) -> Self:
        if self.once_per == "file" and not self.needs_files:
            raise ValueError(f"no argument says which file the command is for: add `{FILE}`, or delete `once_per`")
        return self

    def runs(self, files: Sequence[str], manifest: str) -> Iterator[list[str]]:
        """The arguments of each run of the command."""
        for some in [[file] for file in files] if self.once_per == "file" else [files]:
            found: list[str] = []
            for argument in self.arguments:
                each = argument.replace(MANIFEST, manifest)
                found += [each.replace(FILE, file) for file in some] if FILE in argument else [each]
            yield found

    @property
    def needs_files(self) -> bool:
        """Whether it cannot run for a delivery without files."""
        return any(FILE in argument for argument in self.arguments)
