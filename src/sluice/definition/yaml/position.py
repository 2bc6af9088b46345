"""The positions of all keys and values of a YAML file: a tree next to the plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import DefinitionError, Place

Path = tuple[str | int, ...]
"""The path from a file's top level to a value: keys of mappings and indices of lists."""


@dataclass(slots=True)
class Node:
    """A key or a value with its position. `line` and `column` count from 1."""

    value: Any
    line: int
    column: int
    width: int = 1
    """The number of characters on its first line."""
    last_line: int = 0
    size: int = 1
    """The number of nodes in it, including itself. Every use of an alias counts."""
    keys: dict[str, Node] = field(default_factory=dict)
    """The keys of a mapping, with their positions."""
    children: dict[str | int, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """One YAML file: plain values (`root.value`) and the position of each."""

    file: str
    """The path for messages."""
    lines: Sequence[str]
    root: Node
    hidden: set[int] = field(default_factory=set)
    """The lines that errors must not quote, because they contain a secret."""
    secrets: Sequence[tuple[Path, DefinitionError]] | None = None
    """The paths of its secrets, each with its error; None before they were searched."""
    suspicious: bool | None = None
    """Whether one of its lines seems to contain a secret; None before they were searched."""

    @property
    def value(self) -> Any:
        return self.root.value

    def place(self, path: Path = (), *, key: bool = False) -> Place:
        """The place of the value at `path`, or of its key. If there is no such value, the place of the deepest parent
        that exists."""
        node, parent, last = self.root, self.root, None
        for step in path:
            if step not in node.children:
                return self._at(parent.keys[last] if isinstance(last, str) else node)
            node, parent, last = node.children[step], node, step
        return self._at(parent.keys[last] if key and isinstance(last, str) else node)

    def place_of_word(self, path: Path, word: str) -> Place:
        """The place of a word within the value at `path`, or of the value itself if it does not contain the word."""
        place = self.place(path)
        last = max(place.line, self._deepest(path).last_line)
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for line in range(place.line, min(last, len(self.lines)) + 1):
            found = whole.search(self.lines[line - 1], place.column - 1 if line == place.line else 0)
            if found and line not in self.hidden:
                return Place(self.file, line, found.start() + 1, self.lines[line - 1], len(word))
        return place

    def walk(self) -> Iterator[tuple[Path, Node, Node | None]]:
        """Yield every value with its path and its key, outermost first. The value of an alias is yielded once per
        use."""
        stack: list[tuple[Path, Node, Node | None]] = [((), self.root, None)]
        while stack:
            path, node, key = stack.pop()
            yield path, node, key
            stack += [((*path, step), child, node.keys.get(str(step))) for step, child in node.children.items()][::-1]

    def _deepest(self, path: Path) -> Node:
        node = self.root
        for step in path:
            if step not in node.children:
                break
            node = node.children[step]
        return node

    def _at(self, node: Node) -> Place:
        excerpt = "" if node.line in self.hidden else self.lines[node.line - 1]
        return Place(self.file, node.line, node.column, excerpt, node.width)
