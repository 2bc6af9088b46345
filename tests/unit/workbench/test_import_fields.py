"""The Level becomes a dataset, and the Output Fields become its columns and metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workbench.importing import declared, error, imported
from tests.unit.workbench.samples import titled


@pytest.mark.parametrize("level", ["Page View", "page_view", "PAGE-VIEWS", "pageviews"])
def test_a_level_is_a_dataset_by_name_or_title(include: Path, level: str) -> None:
    found = imported(include, ("string: Page View", f"string: {level}"))

    assert declared(found, "segments")["all-page-views"]["dataset"] == "page-views"


def test_levels_that_are_no_datasets(include: Path) -> None:
    misspelt = error(include, ("string: Page View", "string: Page Vew"))
    assert misspelt.startswith("User.export:5:17  no dataset is named `Page Vew`")
    assert "did you mean: Page View\n" in misspelt
    assert "nothing was written" in misspelt
    keyless = error(include, ("string: Page View", "string: Clicks"))
    assert "`clicks` contains events without an `event_id`" in keyless
    assert "User.export:5:16  the export has no Level" in error(include, ("string: Page View", "string:"))


def test_metrics_are_those_of_the_dataset(include: Path) -> None:
    found = imported(include, ("Field Name = string: PID", "Field Name = string: =Page Views"))
    assert declared(found, "user")["fields"][1] == {"metric": "Page_Views", "as": "Page Views"}
    plain = imported(include, ("Field Name = string: PID", "Field Name = string: =Page_Views"))
    assert declared(plain, "user")["fields"][1] == {"metric": "Page_Views"}

    missing = error(include, ("Field Name = string: PID", "Field Name = string: =Page_View"))

    assert missing.startswith("User.export:16:22  `page-views` has no metric `Page_View`")
    assert "did you mean: Page_Views" in missing
    assert "metrics" in missing


def test_column_names_are_the_names_in_the_file(include: Path) -> None:
    found = imported(include, titled(1, "Page"))
    assert declared(found, "user")["fields"][1] == {"field": "PID", "as": "Page"}

    twice = error(include, titled(2, "pid"))

    assert "User.export:17:" in twice
    assert "would both be named `pid`" in twice
