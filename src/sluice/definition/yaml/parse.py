"""A YAML file as a `Document`: one mapping, plain values, nothing that could surprise or exhaust the reader."""

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
from sluice.definition.yaml.position import Document, Node
from sluice.definition.yaml.scalar import resolve
from sluice.definition.yaml.syntax import explain_syntax
from sluice.errors import DefinitionError, Place, internal

MAX_BYTES = 1 << 20
"""Of one file."""
MAX_DEPTH = 32
"""Of mappings and lists within one another."""
MAX_NODES = 50_000
"""Of one file, with every alias counted as often as it is used."""

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


Drafts = Mapping[Path, bytes]
"""What files would hold, for whoever looks before he writes."""
NO_DRAFTS: Drafts = MappingProxyType({})


def read(path: Path, drafts: Drafts = NO_DRAFTS, within: Path | None = None) -> Document:
    """The YAML file at `path`. Raises `DefinitionError` for whatever is not one small, plain UTF-8 mapping, and for a
    file that lies outside the folder `within`."""
    try:
        return parse(drafts[path] if path in drafts else read_bytes(path, within), str(path))
    except DefinitionError:
        raise
    except Exception as error:
        raise internal(error, Place(str(path))) from error


def read_bytes(path: Path, within: Path | None = None) -> bytes:
    """What the file holds, up to one byte more than a declaration may have. Raises `DefinitionError` for all but a
    regular file in the folder `within`, if that is given: reading a pipe never ends, and a link out of the folder
    would show what its reader may not see."""
    try:
        if within is not None and not path.resolve(strict=True).is_relative_to(within.resolve()):
            raise _refused(path, "a link leads out of the folder of declarations", "put the file itself here")
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "this is not a regular file", "delete it, or put a file of YAML in its place")
        # Without waiting: it may have become a pipe since.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # until Python 3.13, a circle of links is a RuntimeError
        what = f"the file cannot be read: {getattr(error, 'strerror', 'its links lead in a circle')}"
        raise _refused(path, what, "check what it is and who may read it") from None


def _refused(path: Path, what: str, next_step: str) -> DefinitionError:
    return DefinitionError(what, place=Place(str(path)), next_step=next_step)


def parse(data: bytes, file: str) -> Document:
    """The YAML in `data`; `file` is its path as the reader knows it. Raises `DefinitionError` as `read` does."""
    text = _decode(data, file)
    lines = _BREAK.split(text)
    quotes = not any(secret.in_line(line) for line in lines)
    composer = _Composer(file, lines if quotes else [""] * len(lines))
    try:
        root = composer.compose(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise explain_syntax(error, file, composer.lines) from None
    if root is None or root.value is None:
        raise DefinitionError("the file is empty", place=Place(file), next_step="write the declaration, or delete it")
    if not isinstance(root.value, dict):
        composer.fail("a declaration is a mapping of keys to values", root, "write `key: value` lines")
    return Document(file, lines, root)


def _decode(data: bytes, file: str) -> str:
    """The text without a byte order mark, which some editors write and nobody means."""
    if len(data) > MAX_BYTES:
        raise DefinitionError(
            "the file is larger than 1 MiB", place=Place(file), next_step="split it: catalog/ takes folders of files"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DefinitionError("the file is UTF-16", place=Place(file), next_step="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(data[: error.start].decode("utf-8-sig"), file)
        what = f"the file is not UTF-8: byte 0x{data[error.start]:02X} stands here"
        raise DefinitionError(what, place=place, next_step="save it as UTF-8") from None
    if found := _UNPRINTABLE.search(text):
        place = _place_of(text[: found.start()], file)
        what = f"the control character U+{ord(found[0]):04X} stands here"
        raise DefinitionError(what, place=place, next_step="delete the character, or save the file as UTF-8 text")
    return text


def _place_of(before: str, file: str) -> Place:
    lines = _BREAK.split(before)
    return Place(file, len(lines), len(lines[-1]) + 1)


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: Node
    anchor: str | None
    key: Node | None = None
    """The key that waits for its value."""

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
    """What errors may quote: empty lines where the file holds a secret."""
    root: Node | None = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    """None while the anchored value has not ended."""

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
            self.fail("the character NUL stands here, which no database can store", node, "delete the `\\0`")
        self._refuse_tag(event, node)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node)

    def _start(self, event: Any, value: Any) -> None:
        node = _node(event, value)
        self._refuse_tag(event, node)
        if self.stack and self.stack[-1].wants_key:
            self.fail("a key is a mapping or a list", node, "a key is one word")
        if len(self.stack) == MAX_DEPTH:
            self.fail(f"more than {MAX_DEPTH} levels lie within one another", node, "a declaration is never so deep")
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
            what = "contains itself" if event.anchor in self.anchors else "refers to nothing above it"
            self.fail(f"the alias `*{event.anchor}` {what}", here, "write the value out")
        self._add(target, here)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.fail("a second document begins here", _node(event, None), "one file holds one document: delete `---`")

    def _add(self, node: Node, here: Node | None = None) -> None:
        """`here` is the alias that stands for `node`."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.wants_key:
            self._refuse_key(node, top.node)
        top.take(node)
        if top.node.size > MAX_NODES:
            what = f"the file grows to more than {MAX_NODES:,} values once its aliases are followed"
            self.fail(what, here or node, "write the values out, without aliases of aliases")

    def _refuse_key(self, key: Node, mapping: Node) -> None:
        if not isinstance(key.value, str):
            self.fail("a key must be text", key, "put the key in quotes")
        if key.value == "<<":
            self.fail("`<<` is not part of YAML 1.2", key, "write the keys out; what all exports share: project.yaml")
        if first := mapping.keys.get(key.value):
            named = "a key" if secret.in_line(key.value) else f"`{key.value}`"
            what = f"{named} stands here for the second time; the first is in line {first.line}"
            self.fail(what, key, "keep one of the two")

    def _refuse_tag(self, event: Any, node: Node) -> None:
        if event.tag is not None:
            self.fail("a tag (`!...`) stands here", node, "delete the tag: declarations are plain values")

    def fail(self, what: str, node: Node, next_step: str) -> NoReturn:
        place = Place(self.file, node.line, node.column, self.lines[node.line - 1], node.width)
        raise DefinitionError(what, place=place, next_step=next_step)


def _node(event: Any, value: Any) -> Node:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if start.line == end.line else 1
    return Node(value, start.line + 1, start.column + 1, max(1, width), end.line + 1)
