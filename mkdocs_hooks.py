"""What the documentation's site needs beyond MkDocs: the rest of the repository, and Markdown as code hosts read it.

Links in docs/ lead to files as on a code host: `../CHANGELOG.md`, `../tests/unit/test_cli.py`. Each file outside docs/
that a page links to becomes a page of the site, and the link leads there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
DOCS = ROOT / "docs"
OPENING = "<!-- the README's opening -->"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
TEXT_THEN_LIST = re.compile(r"(?:^(?![-*] |\d+\. |[|# ]|<!--).+|\A)\n(?=[-*] |1\. )", re.MULTILINE)


def on_config(config: MkDocsConfig) -> None:
    """A folder in the navigation stands for all its pages, the index first."""
    for entry in list(_entries(config.nav or [])):
        for title, path in entry.items():
            if isinstance(path, str) and path.endswith("/"):
                pages = sorted((DOCS / path).glob("*.md"), key=lambda page: (page.name != "index.md", page.name))
                entry[title] = [path + page.name for page in pages]


def _entries(nav: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    for entry in nav:
        yield entry
        for inner in entry.values():
            yield from _entries(inner) if isinstance(inner, list) else ()


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds a page for each file outside docs/ that a page links to, and for those that such a page links to."""
    waiting = [DOCS / page.src_uri for page in files.documentation_pages()]
    while waiting:
        source = waiting.pop()
        for link in LINK.findall(_opened(source.read_text(encoding="utf-8"))):
            path = (source.parent / link).resolve()
            if path.is_file() and not path.is_relative_to(DOCS) and _uri(path) not in files.src_uris:
                files.append(File.generated(config, _uri(path), content=_page(path)))
                waiting += [path] if path.suffix == ".md" else []


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """The page with its links as they are on the site, and an empty line before a list that follows text: Python's
    Markdown would take it for more text."""
    uri = page.file.src_uri
    if uri.startswith("source/"):
        return markdown
    source = next(path for path in (DOCS / uri, ROOT / uri) if path.exists())
    parts = FENCED.split(LINK.sub(lambda link: _relinked(link[1], source), _opened(markdown)))
    parts[::2] = [TEXT_THEN_LIST.sub(r"\g<0>\n", part) for part in parts[::2]]
    return "".join(parts)


def _opened(markdown: str) -> str:
    """The text with the README's, up to its first heading, where it asks for it."""
    if OPENING not in markdown:
        return markdown
    _, _, opening = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n")
    return markdown.replace(OPENING, LINK.sub(r"../\1", opening.partition("\n## ")[0]).strip())


def _relinked(link: str, source: Path) -> str:
    path = (source.parent / link).resolve()
    if not path.is_file():
        return link
    return os.path.relpath(_uri(path), Path(_uri(source)).parent)


def _uri(path: Path) -> str:
    """Where the site has a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    inside = path.relative_to(ROOT).as_posix()
    return inside if path.suffix == ".md" else f"source/{inside}.md"


def _page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    title = path.relative_to(ROOT).as_posix()
    return f"---\nsearch: {{exclude: true}}\n---\n# {title}\n\n`````{path.suffix[1:] or 'text'}\n{text}\n`````\n"
