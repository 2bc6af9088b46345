"""What the docstrings of a model's fields say.

Pydantic can read them when it makes a class. That takes a tenth of a second in every process that imports the models,
and only references, schemas, forms and a few errors need them. They are read here, when somebody asks.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The description of each field that has one, by the field's name: the docstring below it, or below the field that
    it overrides. A `Field(description=...)` comes first."""
    found = {
        name: words
        for parent in reversed(model.__mro__)
        if issubclass(parent, BaseModel) and parent is not BaseModel
        for name, words in _docstrings(parent)
    }
    own = {name: info.description for name, info in model.model_fields.items() if info.description}
    return {name: words for name, words in (found | own).items() if name in model.model_fields}


def _docstrings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The docstring below each field of the class itself. None if its source is not installed."""
    try:
        source = inspect.getsource(model)
    except (OSError, TypeError):
        return
    # Within a function, the class is indented, and the text of its docstrings may not be: a block around it parses.
    [block] = ast.parse(f"if True:\n{source}" if source[0].isspace() else source).body
    definition = block.body[0] if isinstance(block, ast.If) else block
    for field, below in pairwise(definition.body if isinstance(definition, ast.ClassDef) else ()):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, inspect.cleandoc(words)
