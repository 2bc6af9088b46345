"""Blocks of a page that tests fill and compare: from `<!-- begin NAME -->` to `<!-- end -->`."""

from __future__ import annotations

import re


def block(page: str, name: str) -> str:
    """What the block holds, without the lines around it."""
    start, end = _bounds(page, name)
    return page[start:end]


def filled(page: str, name: str, text: str) -> str:
    """The page with the block's whole text in its place."""
    start, end = _bounds(page, name)
    return f"{page[:start]}{text.strip()}\n{page[end:]}"


def replaced(page: str, name: str, title: str, text: str) -> str:
    """The page with one entry of the block in its place, or added: entries are apart by an empty line, and each
    begins with its title. The block is fenced as text."""
    inside = block(page, name).strip().removeprefix("```text").removesuffix("```").strip()
    entries = {entry.split("\n", 1)[0]: entry for entry in inside.split("\n\n") if entry}
    entries[title] = text.strip()
    return filled(page, name, "```text\n" + "\n\n".join(entries.values()) + "\n```")


def _bounds(page: str, name: str) -> tuple[int, int]:
    found = re.search(rf"<!-- begin {name} -->\n(.*?)<!-- end -->", page, re.DOTALL)
    if found is None:
        raise AssertionError(f"the page has no block {name}")
    return found.span(1)
