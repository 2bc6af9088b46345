"""Where every key and value of a YAML file stands: a tree of positions beside the plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import Place

Path = tuple[str | int, ...]
"""The way from a file's top to a value: keys of mappings and indices of lists."""


@dataclass(slots=True)
class Node:
    """A key or a value: what it says and where it stands. `line` and `column` count from 1."""

    value: Any
    line: int
    column: int
    width: int = 1
    """Characters on its first line."""
    last_line: int = 0
    size: int = 1
    """Nodes in it, with every alias counted as often as it is used."""
    keys: dict[str, Node] = field(default_factory=dict)
    """The keys of a mapping, where they stand."""
    children: dict[str | int, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """One YAML file: plain values (`root.value`) and the place of each."""

    file: str
    """The path as the reader knows it."""
    lines: Sequence[str]
    root: Node
    hidden: set[int] = field(default_factory=set)
    """Lines that no error may quote, because they hold a secret."""

    @property
    def value(self) -> Any:
        return self.root.value

    def place(self, path: Path = (), *, key: bool = False) -> Place:
        """Where the value at `path` stands, or its key; the deepest thing on the way where there is no such value."""
        node, parent, last = self.root, self.root, None
        for step in path:
            if step not in node.children:
                return self._at(parent.keys[last] if isinstance(last, str) else node)
            node, parent, last = node.children[step], node, step
        return self._at(parent.keys[last] if key and isinstance(last, str) else node)

    def place_of_word(self, path: Path, word: str) -> Place:
        """Where a word stands within the key and value at `path`; where the value stands if the word is not there."""
        place = self.place(path)
        last = max(place.line, self._deepest(path).last_line)
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for line in range(place.line, min(last, len(self.lines)) + 1):
            found = whole.search(self.lines[line - 1], place.column - 1 if line == place.line else 0)
            if found and line not in self.hidden:
                return Place(self.file, line, found.start() + 1, self.lines[line - 1], len(word))
        return place

    def walk(self) -> Iterator[tuple[Path, Node, Node | None]]:
        """Every value with its path and its key, outermost first; what aliases share is met once for each use."""
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
