"""Reads a YAML file into a `Document`: one mapping of plain values, within limits of size, depth and aliases."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import yaml

from sluice.definition.yaml import secret
from sluice.definition.yaml.documents import Documents
from sluice.definition.yaml.position import Document, Node
from sluice.definition.yaml.scalar import resolve
from sluice.definition.yaml.syntax import explain_syntax
from sluice.errors import DefinitionError, Place, internal

MAX_BYTES = 1 << 20
"""The maximum size of a file."""
MAX_DEPTH = 32
"""The maximum depth of nested mappings and lists."""
MAX_NODES = 50_000
"""The maximum number of values in a file. Every use of an alias counts."""

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


Drafts = Mapping[Path, bytes | None]
"""The planned content of files, to check it before it is written; None for a file that will be removed."""
NO_DRAFTS: Drafts = MappingProxyType({})


def exists(path: Path, drafts: Drafts = NO_DRAFTS) -> bool:
    """Whether there will be a file, a link or anything else at the path."""
    return drafts[path] is not None if path in drafts else os.path.lexists(path)


def read(
    path: Path, drafts: Drafts = NO_DRAFTS, within: Path | None = None, documents: Documents | None = None
) -> Document:
    """Read the YAML file at `path`, or take it from `documents`. Raises `DefinitionError` if it is not one plain UTF-8
    mapping within the limits, or if it is outside the folder `within`."""
    draft = drafts.get(path)
    try:
        if documents and draft is None:
            return documents.read(path, lambda: read_bytes(path, within), lambda body: parse(body, str(path)))
        return parse(read_bytes(path, within) if draft is None else draft, str(path))
    except DefinitionError:
        raise
    except Exception as error:
        raise internal(error, Place(str(path))) from error


def read_bytes(path: Path, within: Path | None = None) -> bytes:
    """Read the file, up to one byte over the maximum size. Raises `DefinitionError` if it is not a regular file, or if
    it is outside the folder `within`: reading a pipe never ends, and a link out of the folder could reveal files that
    its reader may not see."""
    try:
        if within is not None and not _is_below(path, within):
            raise _refused(path, "this link points outside the declarations folder", "replace it with the file itself")
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "this is not a regular file", "delete it, or replace it with a YAML file")
        # Non-blocking, because the file may have become a pipe after the check.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # before Python 3.13, a loop of links is a RuntimeError
        what = f"the file cannot be read: {getattr(error, 'strerror', 'its links form a loop')}"
        raise _refused(path, what, "check the file's type and permissions") from None


def _is_below(path: Path, folder: Path) -> bool:
    """Whether the file itself is in the folder, wherever its links lead. `os.path` is much faster than `pathlib`."""
    within, found = os.path.realpath(folder), os.path.realpath(path, strict=True)
    return os.path.commonpath((within, found)) == within


def _refused(path: Path, what: str, next_step: str) -> DefinitionError:
    return DefinitionError(what, place=Place(str(path)), next_step=next_step)


def parse(data: bytes, file: str) -> Document:
    """Parse the YAML in `data`; `file` is the path for messages. Raises `DefinitionError` like `read`."""
    text = _decode(data, file)
    lines = _BREAK.split(text)
    quotes = not any(secret.in_line(line) for line in lines)
    composer = _Composer(file, lines if quotes else [""] * len(lines))
    try:
        root = composer.compose(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise explain_syntax(error, file, composer.lines) from None
    if root is None or root.value is None:
        raise DefinitionError("the file is empty", place=Place(file), next_step="write a declaration, or delete it")
    if not isinstance(root.value, dict):
        composer.fail("a declaration must be a mapping of keys to values", root, "write `key: value` lines")
    return Document(file, lines, root)


def _decode(data: bytes, file: str) -> str:
    """The text without a byte order mark, which some editors write."""
    if len(data) > MAX_BYTES:
        advice = "split it: instead of one catalog file there can be a folder of them"
        raise DefinitionError("the file is larger than 1 MiB", place=Place(file), next_step=advice)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DefinitionError("the file is UTF-16", place=Place(file), next_step="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(data[: error.start].decode("utf-8-sig"), file)
        what = f"the file is not UTF-8: unexpected byte 0x{data[error.start]:02X}"
        raise DefinitionError(what, place=place, next_step="save it as UTF-8") from None
    if found := _UNPRINTABLE.search(text):
        place = _place_of(text[: found.start()], file)
        what = f"the control character U+{ord(found[0]):04X} is not allowed"
        raise DefinitionError(what, place=place, next_step="delete it, or save the file as UTF-8 text")
    return text


def _place_of(before: str, file: str) -> Place:
    lines = _BREAK.split(before)
    return Place(file, len(lines), len(lines[-1]) + 1)


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still open."""

    node: Node
    anchor: str | None
    key: Node | None = None
    """The key whose value comes next."""

    def take(self, child: Node) -> None:
        if isinstance(self.node.value, list):
            self.node.children[len(self.node.value)] = child
            self.node.value.append(child.value)
        elif self.key is None:
            self.key = child
            return
        else:
            self.node.keys[self.key.value] = self.key
            self.node.children[self.key.value] = child
            self.node.value[self.key.value] = child.value
            self.key = None
        self.node.size += child.size

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.node.value, dict)


@dataclass
class _Composer:
    """Builds nodes from the parser's events, without recursion."""

    file: str
    lines: list[str]
    """The lines that errors may quote. They are empty if the file may contain a secret."""
    root: Node | None = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    """The anchored values; None while a value is still open."""

    def compose(self, events: Iterable[yaml.Event]) -> Node | None:
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._leaf(event)
                case yaml.MappingStartEvent():
                    self._start(event, {})
                case yaml.SequenceStartEvent():
                    self._start(event, [])
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    self._document(event)
        return self.root

    def _leaf(self, event: Any) -> None:
        node = _node(event, resolve(event.value) if event.style in (None, "") else event.value)
        if "\0" in event.value:
            self.fail("the character NUL is not allowed: no database can store it", node, "delete the `\\0`")
        self._refuse_tag(event, node)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node)

    def _start(self, event: Any, value: Any) -> None:
        node = _node(event, value)
        self._refuse_tag(event, node)
        if self.stack and self.stack[-1].wants_key:
            self.fail("a key cannot be a mapping or a list", node, "write the key as one word")
        if len(self.stack) == MAX_DEPTH:
            what = f"the values are nested more than {MAX_DEPTH} levels deep"
            self.fail(what, node, "remove levels: no declaration needs so many")
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(node, event.anchor))

    def _end(self, event: Any) -> None:
        opened = self.stack.pop()
        opened.node.last_line = event.end_mark.line + 1
        if opened.anchor:
            self.anchors[opened.anchor] = opened.node
        self._add(opened.node)

    def _alias(self, event: Any) -> None:
        here = _node(event, None)
        target = self.anchors.get(event.anchor)
        if target is None:
            what = "contains itself" if event.anchor in self.anchors else "does not refer to an anchor above it"
            self.fail(f"the alias `*{event.anchor}` {what}", here, "write the value in full")
        self._add(target, here)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.fail("a second document starts here", _node(event, None), "delete `---`: a file has one document")

    def _add(self, node: Node, here: Node | None = None) -> None:
        """Add `node` to the innermost open value. `here` is the alias that refers to it, if there is one."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.wants_key:
            self._refuse_key(node, top.node)
        top.take(node)
        if top.node.size > MAX_NODES:
            what = f"the file has more than {MAX_NODES:,} values, including those of its aliases"
            self.fail(what, here or node, "write the values in full, without aliases of aliases")

    def _refuse_key(self, key: Node, mapping: Node) -> None:
        if not isinstance(key.value, str):
            self.fail("a key must be text", key, "put the key in quotes")
        if key.value == "<<":
            advice = "write the keys in full; put shared keys of exports into project.yaml, under `defaults`"
            self.fail("`<<` is not part of YAML 1.2", key, advice)
        if first := mapping.keys.get(key.value):
            named = "" if secret.in_line(key.value) else f" `{key.value}`"
            self.fail(f"duplicate key{named}; the first is in line {first.line}", key, "delete one of them")

    def _refuse_tag(self, event: Any, node: Node) -> None:
        if event.tag is not None:
            self.fail("tags (`!...`) are not allowed", node, "delete the tag: declarations are plain values")

    def fail(self, what: str, node: Node, next_step: str) -> NoReturn:
        place = Place(self.file, node.line, node.column, self.lines[node.line - 1], node.width)
        raise DefinitionError(what, place=place, next_step=next_step)


def _node(event: Any, value: Any) -> Node:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if start.line == end.line else 1
    return Node(value, start.line + 1, start.column + 1, max(1, width), end.line + 1)
