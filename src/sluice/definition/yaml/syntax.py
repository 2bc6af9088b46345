"""Translates the YAML parser's errors into plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from sluice.errors import DefinitionError, Place

_SENTENCES = (
    (
        "mapping values are not allowed",
        "a `:` ends a key, but a key is not allowed here",
        "indent the line, or put the value in quotes",
    ),
    ("could not find expected ':'", "a key without `:`", "write `key: value`"),
    ("did not find expected key", "the indentation matches no line above", "align it with the keys it belongs to"),
    ("did not find expected '-'", "this line is neither an entry of the list nor outside it", "check its indentation"),
    ("did not find expected ',' or ']'", "the list that starts with `[` is not closed", "add `,` or `]`"),
    ("did not find expected ',' or '}'", "the mapping that starts with `{` is not closed", "add `,` or `}`"),
    ("found unexpected end of stream", "the quote is not closed", "close the quote"),
    ("found unknown escape character", "unknown escape sequence", "use '...' to write `\\` literally"),
    ("did not find expected alphabetic or numeric", "`*` and `&` mean aliases in YAML", "put the value in quotes"),
    ("did not find expected node content", "a value is expected here", "write it, or close the `[` or `{` above"),
    ("did not find URI escaped octet", "a broken tag", "put the value in quotes"),
    (
        "block sequence entries are not allowed",
        "a list cannot start here",
        "start it on its own line",
    ),
    ("did not find expected <document start>", "text after the end of the declaration", "check its indentation"),
)
_OPENED = ("found unexpected end of stream", "did not find expected ','", "could not find expected ':'")
"""Problems whose start is a better place to show than the position at which the parser stopped."""


def explain_syntax(error: yaml.MarkedYAMLError, file: str, lines: Sequence[str]) -> DefinitionError:
    """The error for a problem of the parser. `lines` are the lines that it may quote."""
    problem = error.problem or str(error)
    mark = error.problem_mark
    if error.context_mark and problem.startswith(_OPENED):
        mark = error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    excerpt = lines[line] if line < len(lines) else ""
    what, next_step = _sentence(problem, excerpt[column : column + 1])
    return DefinitionError(what, place=Place(file, line + 1, column + 1, excerpt), next_step=next_step)


def _sentence(problem: str, character: str) -> tuple[str, str]:
    if "cannot start any token" in problem:
        if character == "\t":
            return "YAML does not allow tabs for indentation", "replace the tab with spaces"
        shown = f"`{character}`" if character not in ("", "`") else "this character"
        return f"a value cannot start with {shown}", "put the value in quotes"
    for fragment, what, next_step in _SENTENCES:
        if fragment in problem:
            return what, next_step
    return f"invalid YAML: {problem}", "correct the line"
