"""Files and functions stay small: a long one is a sign that a noun is missing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE, FUNCTION = 300, 40
SOURCES = sorted([*ROOT.glob("src/sluice/**/*.py"), *ROOT.glob("local/**/*.py"), *ROOT.glob("dags/*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and (node.end_lineno or 0) - node.lineno >= FUNCTION + 5
    }
    assert not long
