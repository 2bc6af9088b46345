"""Feeds of one export in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase
from sluice.definition.models.macros import DEFAULT_FOLDERS, expand
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    """File names may tell the feeds apart too. The default names do not: they contain only the feed's number."""
    if export.pattern is not None:  # a layout has a folder for each table
        return
    template = f"{export.folder or DEFAULT_FOLDERS[getattr(export, 'kind', '')]}/{export.names.name}"
    seen: dict[str, str] = {}
    for feed, dataset in datasets_of(export, known):
        values = {"DATASET_ID": dataset.id or dataset.name, "SEGMENT_ID": feed.name, "SEGMENT_NAME": feed.name}
        place = expand(template, {macro: partial(_always, value) for macro, value in values.items()})
        if seen.get(place, feed.name) != feed.name:
            files = f"the files of `{seen[place]}` and `{feed.name}`"
            what = f"{files} are in one folder, and their names do not tell them apart"
            yield Problem(("folder",), what, _advice(feed.families[0]))
            return
        seen[place] = feed.name


def _always(value: str, _: str | None) -> str:
    return value


def _advice(family: str) -> str:
    macro = "SEGMENT_NAME" if family == "segment" else "DATASET_ID"
    return f"add %{macro}% to `folder`, or to `file`"


RULE = DeclarationGuardrail(
    name="mixed-folder",
    family="export",
    stage="check",
    verdict="warn",
    says="The folders or the file names of an export tell its feeds apart.",
    source="Experience Platform: it advises against `/` as the folder of several datasets",
    change="add a macro to `folder` or `file`; `guardrails.mixed_folder` of the project changes the verdict",
    example="folder: /",
    setting="mixed_folder",
    rule=_rule,
)
