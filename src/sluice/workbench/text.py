"""The escapes of Data Workbench's texts, and how its names compare."""

from __future__ import annotations

import re

_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "\\": "\\"}
_SPELLED = {character: f"\\{letter}" for letter, character in _ESCAPES.items()}


def unescape(text: str, only: str | None = None) -> str:
    r"""The text without its escapes: `\t`, `\r`, `\n`, `\"` and `\\`, or `only` some of them. Any other backslash
    stays: paths have them."""
    known = only or "".join(_ESCAPES)
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]] if found[1] in known else found[0], text, flags=re.DOTALL)


def raw_at(raw: str, at: int) -> int:
    """The position in a text with escapes of the position `at` in the text without them."""
    passed = 0
    for found in re.finditer(r"\\.|.", raw, re.DOTALL):
        if passed >= at:
            return found.start()
        passed += len(unescape(found[0]))
    return len(raw)


def escape(text: str) -> str:
    """The text with escapes, so that `unescape` gives it back."""
    return "".join(_SPELLED.get(character, character) for character in text)


def escape_path(text: str) -> str:
    """The path with the escapes that paths have."""
    return re.sub(r'([\\"])', r"\\\1", text)


def folded(name: str) -> str:
    """A name without what people spell differently: case, blanks, `_` and `-`."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def slug(text: str) -> str:
    """The text as the name of a declaration."""
    found = re.sub(r"[^a-z0-9_]+", "-", text.casefold()).strip("-_")
    return (found if re.match("[a-z]", found) else f"export-{found}")[:100].rstrip("-")
