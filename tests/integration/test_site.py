"""The site as `make docs` builds it: every page, no dead link, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
RUN_ON = re.compile(r"^ *(?:[-*] |\d+\. |\|)")


@dataclass
class Page(HTMLParser):
    """What a page of HTML links to, loads, and can be linked at."""

    text: str
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    navigation: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    run_on: list[str] = field(default_factory=list)
    """Lines of paragraphs that were meant as lists or tables."""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._open.append(tag)
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
            self.navigation += [found["href"]] if "nav" in self._open else []
        if LOADED.get(tag) in found:
            self.loads.append(found[LOADED[tag]])

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "p" in self._open and "pre" not in self._open:
            self.run_on += [line for line in data.splitlines()[1:] if RUN_ON.match(line)]


@dataclass(frozen=True)
class Site:
    """A folder of pages."""

    folder: Path

    @cached_property
    def pages(self) -> Mapping[str, Page]:
        found = sorted(self.folder.rglob("*.html"))
        return {page.relative_to(self.folder).as_posix(): Page(page.read_text(encoding="utf-8")) for page in found}

    @property
    def dead(self) -> list[str]:
        """Links into the site that lead nowhere."""
        return [
            f"{name}: {link}" for name, page in self.pages.items() for link in page.links if not self.leads(name, link)
        ]

    @property
    def foreign(self) -> list[str]:
        """What a page loads from another host, or from a file that is not there."""
        return [
            f"{name}: {loaded}"
            for name, page in self.pages.items()
            for loaded in page.loads
            if urlsplit(loaded).netloc or not self.leads(name, loaded)
        ]

    def at(self, name: str, link: str) -> str:
        """The file that a link on a page means."""
        path = unquote(urlsplit(link).path)
        target = self.folder / path.lstrip("/") if path.startswith("/") else (self.folder / name).parent / path
        target = target if path else self.folder / name
        return Path(os.path.relpath(target / "index.html" if target.is_dir() else target, self.folder)).as_posix()

    def leads(self, name: str, link: str) -> bool:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return True
        target = self.at(name, link)
        if not (self.folder / target).is_file():
            return False
        return not parts.fragment or target not in self.pages or unquote(parts.fragment) in self.pages[target].anchors


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAKE", "MFLAGS"))}
    make = ["make", "docs", f"SITE={folder}"]
    done = subprocess.run(make, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Site(folder)


def test_every_link_and_anchor_leads_somewhere(site: Site) -> None:
    assert site.dead == []
    assert sum(len(page.links) for page in site.pages.values()) > 1000


def test_nothing_is_loaded_from_elsewhere(site: Site) -> None:
    assert site.foreign == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.folder.rglob("*.css"))
    assert not re.findall(r"""(?:url\(|@import )["']?(?:https?:)?//""", styles)


def test_every_page_is_in_the_navigation(site: Site) -> None:
    listed = {site.at("index.html", link) for link in site.pages["index.html"].navigation}
    pages = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")}
    assert pages | {"CHANGELOG.html", "benchmarks/RESULTS.html"} <= listed


def test_the_search_knows_the_words_of_the_field(site: Site) -> None:
    index = json.loads((site.folder / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    assert all(site.leads("index.html", entry["location"]) for entry in index)
    for word in ("watermark", "quarantine", "manifest", "backfill", "sluice verify", "known_hosts"):
        assert [entry for entry in index if word in entry["title"] + entry["text"]], word
    script = (site.folder / "search" / "search_index.js").read_text(encoding="utf-8")
    assert script.startswith("var __index = {"), "a page that was opened from a file reads it"


def test_lists_and_tables_are_shown_as_such(site: Site) -> None:
    """Python's Markdown wants an empty line before them, and code hosts do not."""
    assert {name: page.run_on for name, page in site.pages.items() if page.run_on} == {}


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>')
    (tmp_path / "index.html").write_text(
        '<a href="other.html#there">well</a> <a href="#nowhere">no anchor</a> <a href="other.html#gone">no anchor</a>'
        '<a href="gone.html">no page</a> <a href="https://example.org/">elsewhere</a> <a href="./other.html">well</a>'
        '<script src="https://example.org/a.js"></script><img src="//example.org/b.png"><link href="gone.css">'
        "<p>Text\n- that runs on</p>"
    )
    site = Site(tmp_path)
    assert site.dead == ["index.html: #nowhere", "index.html: other.html#gone", "index.html: gone.html"]
    assert [one.partition(": ")[2] for one in site.foreign] == [
        "https://example.org/a.js",
        "//example.org/b.png",
        "gone.css",
    ]
    assert site.pages["index.html"].run_on == ["- that runs on"]
