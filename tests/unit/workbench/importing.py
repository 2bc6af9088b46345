"""One export file is imported, and what came of it is looked up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.definition.edit.write import check
from sluice.errors import DefinitionError
from sluice.workbench.imports import Given, Outcome, import_files
from sluice.workbench.source import Source
from tests.unit.workbench.samples import EXPORT


def imported(
    include: Path, *changes: tuple[str, str], stem: str = "User", text: str = EXPORT, crs: str = "", **files: str
) -> Outcome:
    """Import `User.export`, or another, with lines replaced as told, and check the whole project."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    secret = {"mmp", "users"}
    sources = {name: Source(f"{name}.cfg", body.encode(), secret=name in secret) for name, body in files.items()}
    export = Source(stem if "." in stem else f"{stem}.export", text.encode())
    found = import_files(Given([export], crs=crs, **sources), include)
    check(include, found.drafts)
    return found


def declared(found: Outcome, name: str) -> dict[str, Any]:
    body = next(draft.after for draft in found.drafts if draft.path.name == f"{name}.yaml")
    return dict(yaml.safe_load(body or b""))


def line(found: Outcome, parameter: str) -> str:
    return next(str(one) for one in found.report if one.parameter == parameter).partition("  ")[2]


def error(include: Path, *changes: tuple[str, str], **files: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        imported(include, *changes, **files)
    return raised.value.page()
