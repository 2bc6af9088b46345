"""Reads the format of Data Workbench's files: `Key = type: value`, with blocks and vectors.

A block's parameters are indented below its line or, as some files have it, stand on its own level. There, a parameter
belongs to the innermost open block that knows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from sluice.errors import DefinitionError, Place
from sluice.workbench.blocks import BLOCKS, FITS, SCALARS, SPELLED, Block, Scalar, Vector
from sluice.workbench.source import Source
from sluice.workbench.text import unescape

_LINE = re.compile(r"(?P<indent>[ \t]*)(?P<key>[^=]*?)[ \t]*=[ \t]*(?P<type>[^:]*?)[ \t]*:[ \t]?(?P<value>.*?)[ \t]*")
_ITEMS = re.compile(r"(\d{1,6})[ \t]+items?")
_DEEPEST = 20
_TAB = 8
_SHAPE = "`Key = type: value`"


@dataclass
class Entry:
    """One parameter, one block or one vector, with its place in the file."""

    key: str
    source: Source
    line: int
    column: int = 1
    value: str = ""
    """The value as it is written, without blanks at its end; empty for blocks and vectors."""
    scalar: Scalar | None = None
    """What the value is; None for blocks, vectors and unknown parameters."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """What is in a block or a vector, by key."""
    nested: bool = False
    """Whether it is a block or a vector."""

    @property
    def place(self) -> Place:
        """The place of the value."""
        return self.source.place(self.line, self.column, len(self.value))

    @property
    def text(self) -> str:
        """The value without escapes."""
        return unescape(self.value, only='\\"' if self.scalar == "path" else None)

    def get(self, key: str) -> Entry | None:
        return self.entries.get(key)

    def error(self, what: str, next_step: str = "", *, at: int = 0, nearest: str | None = None) -> DefinitionError:
        """An error about the value, or about its character `at`."""
        width = 1 if at else len(self.value)
        column = self.column + at
        return self.source.error(self.line, column, what, width=width, next_step=next_step, nearest=nearest)


class _Token(NamedTuple):
    """One line."""

    line: int
    indent: int
    key: str
    kind: str
    kind_column: int
    value: str
    value_column: int


@dataclass
class _Frame:
    """A block or a vector that is being read."""

    entry: Entry
    spec: Block | Vector | None
    header: int
    """The indentation of its line; -1 for the file."""
    indent: int | None = None
    """The indentation of what is in it; None as long as nothing is."""
    expects: int | None = None
    """For vectors: the number of items that it says it has."""

    def fits(self, token: _Token) -> bool:
        return token.indent >= self.header if self.indent is None else token.indent == self.indent

    def knows(self, token: _Token) -> str | None:
        """The parameter's name as this block spells it; None if it has no such parameter."""
        if self.expects is not None:
            return token.key if token.key.isdigit() else None
        if not isinstance(self.spec, Block):
            return None
        return next((key for key in self.spec.keys if key.lower() == token.key.lower()), None)


def parse(source: Source, file: Block) -> Entry:
    """Read a file of one kind. Raises `DefinitionError`, with line and column, if it is damaged or another file."""
    root = Entry("", source, 1, nested=True)
    stack = [_Frame(root, file, -1)]
    for token in _tokens(source):
        _open(stack, token, source)
        frame = stack[-1]
        entry, spec = _entry(frame, token, source)
        frame.entry.entries[entry.key] = entry
        if not entry.nested:
            continue
        if len(stack) > _DEEPEST:
            raise source.error(token.line, token.indent + 1, f"blocks are nested more than {_DEEPEST} levels deep")
        opened = _Frame(entry, spec, token.indent)
        if token.kind.lower() == "vector":
            opened.expects = _count(token, source)
        stack.append(opened)
    while stack:
        _closed(stack.pop(), source)
    if not root.entries.keys() & file.keys.keys():
        what = f"this is no {file.name} file: it has no {' and no '.join(f'`{key}`' for key in file.keys)}"
        raise source.error(1, 1, what, next_step="name the right file for each option")
    return root


def _tokens(source: Source) -> Iterator[_Token]:
    for number, line in enumerate(source.lines, 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if not found or not found["key"] or not found["type"]:
            start = len(line) - len(line.lstrip())
            what, column = _lacks(line, start)
            raise source.error(number, column, what, next_step=f"write {_SHAPE}")
        indent = len(found["indent"].expandtabs(_TAB))
        key = " ".join(found["key"].split())
        yield _Token(
            number, indent, key, found["type"], found.start("type") + 1, found["value"], found.start("value") + 1
        )


def _lacks(line: str, start: int) -> tuple[str, int]:
    """What a line lacks to be `Key = type: value`, and the column where it was expected."""
    key, equals, rest = line.partition("=")
    if not equals:
        return f"expected {_SHAPE}, but this line has no `=`", len(line.rstrip()) + 1
    if not key.strip():
        return f"expected {_SHAPE}, but this line has no key", start + 1
    if ":" not in rest:
        return f"expected {_SHAPE}, but no `:` follows the type", len(line.rstrip()) + 1
    return f"expected {_SHAPE}, but this line has no type", len(key) + 2


def _open(stack: list[_Frame], token: _Token, source: Source) -> None:
    """Close the frames that the line is not in, and leave the one that it is in on top."""
    top = stack[-1]
    if top.indent is None and token.indent > top.header:
        top.indent = token.indent
        return
    fitting = [frame for frame in reversed(stack) if frame.fits(token) and (frame is top or frame.indent is not None)]
    if not fitting:
        what = "this line is indented like no block that is open here"
        raise source.error(token.line, token.indent + 1, what, next_step="indent the lines of a block alike")
    home = _home(fitting, token)
    while stack[-1] is not home:
        _closed(stack.pop(), source)
    home.indent = token.indent


def _home(fitting: list[_Frame], token: _Token) -> _Frame:
    """Of the frames that the indentation allows, innermost first, the one that the parameter belongs to. An unknown
    parameter belongs to the outermost block: the file itself has no other parameters."""
    if knowing := next((frame for frame in fitting if frame.knows(token)), None):
        return knowing
    blocks = [frame for frame in fitting if frame.expects is None]
    return next((frame for frame in reversed(blocks) if frame.header >= 0), (blocks or fitting)[-1])


def _closed(frame: _Frame, source: Source) -> None:
    """Raises `DefinitionError` if a vector has fewer items than it says."""
    if frame.expects is not None and (has := len(frame.entry.entries)) < frame.expects:
        entry = frame.entry
        what = f"the vector{source.quoted(entry.key)} says that it has {frame.expects} items, but it has {has}"
        raise source.error(entry.line, entry.column, what, next_step="the file may be cut off: restore it")


def _entry(frame: _Frame, token: _Token, source: Source) -> tuple[Entry, Block | Vector | None]:
    key = frame.knows(token) or token.key
    _check_key(frame, key, token, source)
    spec = frame.spec.of if isinstance(frame.spec, Vector) else frame.spec.keys.get(key) if frame.spec else None
    entry = Entry(key, source, token.line, token.value_column, token.value)
    if kind := SCALARS.get(token.kind):
        if isinstance(spec, Block | Vector):
            wanted = spec.name if isinstance(spec, Block) else "vector"
            raise _of_kind(token, source, f"`{key}` is of type {wanted}, not {token.kind}")
        if spec is not None and kind not in FITS[spec]:
            raise _of_kind(token, source, f"`{key}` is of type {SPELLED[spec]}, not {token.kind}")
        entry.scalar = spec
        _check_value(kind, token, source)
        return entry, None
    entry.nested = True
    if token.kind.lower() == "vector":
        if spec is not None and not isinstance(spec, Vector):
            wanted = spec.name if isinstance(spec, Block) else SPELLED[spec]
            raise _of_kind(token, source, f"`{key}` is of type {wanted}, not vector")
        return entry, spec or Vector("text")
    return entry, _block(spec, token, source)


def _block(spec: Scalar | Block | Vector | None, token: _Token, source: Source) -> Block:
    """The block that a line opens. A known parameter may have a type of another name, as versions differ."""
    named = BLOCKS.get(token.kind.lower())
    if named is None and not (isinstance(spec, Block) and not spec.documented):
        known = {name.lower(): name for name in (*SCALARS, "vector", *(block.name for block in BLOCKS.values()))}
        near = get_close_matches(token.kind.lower(), known, 1)
        what = f"unknown type{source.quoted(token.kind)}"
        error = _of_kind(token, source, what, nearest=known[near[0]] if near else None)
        raise error
    if spec is not None and named is not None and spec is not named:
        wanted = spec.name if isinstance(spec, Block) else "vector" if isinstance(spec, Vector) else SPELLED[spec]
        raise _of_kind(token, source, f"`{token.key}` is of type {wanted}, not {named.name}")
    if token.value:
        what = f"a block{source.quoted(token.kind)} has no value on its own line"
        raise source.error(token.line, token.value_column, what, width=len(token.value))
    block = spec or named
    assert isinstance(block, Block)  # noqa: S101 - one of the two is, as checked above
    return block


def _of_kind(token: _Token, source: Source, what: str, nearest: str | None = None) -> DefinitionError:
    width = len(token.kind)
    return source.error(token.line, token.kind_column, what, width=width, nearest=nearest)


def _check_key(frame: _Frame, key: str, token: _Token, source: Source) -> None:
    there, column = frame.entry.entries, token.indent + 1
    if frame.expects is None:
        if key.isdigit():
            raise source.error(token.line, column, f"item {key} is in no vector", next_step="count the vector's items")
        if key in there:
            what = f"`{key}` is here a second time; the first is in line {there[key].line}"
            shown = what if frame.knows(token) else f"a parameter is here twice; the first is in line {there[key].line}"
            raise source.error(token.line, column, shown, next_step="delete one of them")
        return
    if key != str(len(there)):
        if key.isdigit() and len(there) < frame.expects:
            raise source.error(token.line, column, f"expected item {len(there)}, but this is item {key[:9]}")
        if not key.isdigit():
            raise source.error(token.line, column, f"expected item {len(there)} of the vector")
    if len(there) >= frame.expects:
        what = f"the vector in line {frame.entry.line} says that it has {frame.expects} items, but it has more"
        raise source.error(token.line, column, what, next_step="correct its number of items")


def _count(token: _Token, source: Source) -> int:
    found = _ITEMS.fullmatch(token.value)
    if not found:
        what = "expected the vector's number of items, such as `3 items`"
        raise source.error(token.line, token.value_column, what, width=len(token.value))
    return int(found[1])


def _check_value(kind: str, token: _Token, source: Source) -> None:
    """Raises `DefinitionError` if the value is not of its type. An empty value means that none is set."""
    value = token.value
    if not value or kind == "text":
        return
    shapes = {"int": ("a whole number", r"[+-]?\d{1,18}"), "bool": ("true or false", r"(?i)true|false")}
    wanted, shape = shapes.get(kind, ("a number", r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"))
    fits = re.fullmatch(shape, value, re.ASCII) and (kind != "number" or math.isfinite(float(value)))
    if not fits or (token.kind.startswith("unsigned") and value.startswith("-")):
        what = f"expected {wanted}, not{source.quoted(value) or ' this value'}"
        raise source.error(token.line, token.value_column, what, width=len(value))
