"""What the documents say is there: links, commands, macros; and the README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.command_line import COMMANDS
from sluice.definition.models.macros import MACROS
from sluice.destinations import DESTINATIONS
from sluice.formats import FORMATS
from sluice.sources import SOURCES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_links_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in LINK.findall(page.read_text())]
    assert [f"{page}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [command.name for command in COMMANDS if f"sluice {command.name}" not in readme] == []


@pytest.mark.parametrize(
    "page", ["customer-insights.md", "data-workbench.md", "experience-platform.md", "marketing-profile.md"]
)
def test_the_tests_that_a_page_names_are_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    named, cases = re.findall(r"`(test_\w+)`", text), re.findall(r"golden case `([\w-]+)`", text)
    known = set(
        re.findall(r"def (test_\w+)", "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py")))
    )
    assert named
    assert set(named) <= known
    assert [case for case in cases if not (ROOT / "tests" / "golden" / case).is_dir()] == []


BARE = re.compile(r"(?<!sluice )\bairflow (?:dags|tasks|backfill|db|pools|connections|assets|users|variables) [a-z]")
"""An Airflow command as a shell would run it: after `make up` it speaks to another Airflow, an empty one."""


def test_airflows_commands_are_named_so_that_they_reach_the_airflow_that_runs() -> None:
    """`sluice airflow ...` is right on every machine."""
    files = [page for page in PAGES if "decisions" not in page.parts] + sorted((ROOT / "src").rglob("*.py"))
    assert [(file, bare) for file in files for bare in BARE.findall(file.read_text())] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/run.md", [f"%{name}" for name in MACROS]),
        ("docs/destinations.md", [f"`{name}`" for name in DESTINATIONS]),
        ("docs/formats.md", list(FORMATS)),
        ("docs/sources.md", list(SOURCES)),
    ],
)
def test_a_page_names_every_member_of_its_family(page: str, names: list[str]) -> None:
    text = (ROOT / page).read_text()
    assert [name for name in names if name not in text] == []


def test_the_index_and_the_site_list_every_page() -> None:
    index, site = (ROOT / "docs" / "index.md").read_text(), (ROOT / "mkdocs.yml").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert sorted(page for page in pages if f"({page})" not in index or page not in site) == []
