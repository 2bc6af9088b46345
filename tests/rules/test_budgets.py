"""Files and functions stay small: a long one is a sign that a noun is missing."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE, FUNCTION = 300, 45
SOURCES = sorted([*ROOT.glob("src/sluice/**/*.py"), *ROOT.glob("local/**/*.py"), *ROOT.glob("dags/*.py")])


def test_files_are_small() -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in SOURCES}
    assert {file: count for file, count in lines.items() if count > FILE} == {}


def test_functions_are_small() -> None:
    lines = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {function: count for function, count in lines.items() if count > FUNCTION} == {}
