"""Columns with names that nobody expects: each is refused at its line, or is the name in the declaration."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.definition.edit.write import check
from sluice.definition.load import load
from sluice.definition.models.export import SegmentExport
from sluice.errors import DefinitionError
from sluice.workbench.blocks import EXPORT_FILE
from sluice.workbench.exports import Project, export_of
from sluice.workbench.imports import Given, import_files
from sluice.workbench.parse import parse
from sluice.workbench.report import Report
from sluice.workbench.sending import Files
from sluice.workbench.source import Source
from sluice.workbench.text import escape
from tests.mutants import HOSTILE
from tests.unit.workbench.samples import CRS, EXPORT, FORMAT, MMP_CONFIGURATION

_TARGET = EXPORT.replace(MMP_CONFIGURATION, "TnT Configuration = TnT:\nClientName = string: acme\n")
FORMS = {
    "template": EXPORT,
    "csv": EXPORT.replace(FORMAT, "csv"),
    "target": _TARGET.replace("ExportIntegration", "TargetBulkUpload"),
    "customers": CRS,
}
NAMES = [*{str(one): None for one in HOSTILE}, "^c$", "=1+1", "-x", "%1%", "%file%", "a\tb", '"q"', "a,b", "profile.x"]


def read(form: str, number: int, name: str, project: Project) -> Source | DefinitionError:
    """An export with this name in the place of one of its columns, or why it is refused."""
    head = "Attribute Name = string: views" if form == "customers" else "1 = ColumnDefinition:\nColumn Name = string:"
    assert head in FORMS[form]
    text = FORMS[form].replace(head, f"{head.removesuffix(' views')} {escape(name)}")
    try:
        source = Source(f"{form}-{number}.export", text.encode())
        export_of(source.name, parse(source, EXPORT_FILE), project, Files(), Report())
    except DefinitionError as error:
        return error
    return source


@pytest.mark.slow
def test_each_is_refused_at_its_line_or_is_the_name_that_is_delivered(include: Path) -> None:
    catalog = Project(load(include).project.datasets, {})
    tried = {
        f"{form}-{number}": (name, read(form, number, name, catalog))
        for form in FORMS
        for number, name in enumerate(NAMES)
    }
    places = {export: one.place for export, (_, one) in tried.items() if isinstance(one, DefinitionError)}
    assert [export for export, place in places.items() if not place or place.file != f"{export}.export"] == []
    sources = [one for _, one in tried.values() if isinstance(one, Source)]
    assert len(sources) > len(NAMES) * 3

    found = import_files(Given(sources, crs="adobe"), include)
    check(include, found.drafts)
    for draft in found.drafts:
        draft.path.parent.mkdir(exist_ok=True)
        draft.path.write_bytes(draft.after or b"")

    project = load(include).project
    declared = {**project.exports, **project.detached}
    for export, (written, source) in tried.items():
        if isinstance(source, DefinitionError):
            continue
        one, name = declared[export], written.rstrip(" \t")
        assert isinstance(one, SegmentExport)
        outputs = [field.output for field in one.fields]
        shown = name.removeprefix("profile.") if export.startswith("target") else name
        assert not shown.strip() or shown in outputs, f"{export}: {name!r} is not in {outputs}"
