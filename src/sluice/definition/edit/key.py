"""Changes one key in the text of a YAML file. Comments, order, quotes and line ends stay unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError, Place

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*")


def put(data: bytes, file: str, key: str, value: Any, *, after: str = "") -> bytes:
    """Set `key: value` at the top level of the file. An existing value is replaced, and comments inside it move above
    the key. A new key is inserted below the key `after`, or at the end.

    Raises `DefinitionError` if the file cannot be edited, for example because the value is an alias."""
    before = parse(data, file).value
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    text = data.removeprefix(mark).decode("utf-8")
    edited = mark + _Text(text, file).put(key, spell(value), after).encode()
    if parse(edited, file).value != {**before, key: value}:
        what = f"the key `{key}` cannot be edited in this form"
        raise DefinitionError(what, place=Place(file), next_step="write each key on a line of its own, without aliases")
    return edited


def spell(value: Any) -> str:
    """Format a value as one line of YAML, in quotes if it could be read as something else."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {spell(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(spell, value)) + "]"
    text = str(value)
    sure = _PLAIN.fullmatch(text) and isinstance(parse(f"x: {text}".encode(), "").value["x"], str)
    return text if sure else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Text:
    """The text of a file with one mapping at its top level, and the positions in it."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._line_end = "\r\n" if "\r\n" in text else "\n"
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        self._in_braces: bool = root.flow_style
        self._entries: dict[str, tuple[Any, Any]] = {key.value: (key, value) for key, value in root.value}

    def put(self, key: str, value: str, after: str) -> str:
        if key in self._entries:
            return self._replace(*self._entries[key], value)
        neighbour, its_value = self._entries.get(after) or list(self._entries.values())[-1]
        return self._insert(neighbour, its_value, f"{key}: {value}")

    def _replace(self, key: Any, old: Any, value: str) -> str:
        text, colon = self._text, self._text.index(":", key.end_mark.index) + 1
        if old.start_mark.index < colon:
            place = Place(self._file, key.start_mark.line + 1, key.start_mark.column + 1)
            raise DefinitionError(
                f"`{key.value}` is an alias of another value", place=place, next_step="write it in full"
            )
        end = max(_end(old), colon)
        line = text.rfind("\n", 0, key.start_mark.index) + 1
        indent = text[line : line + len(text[line:]) - len(text[line:].lstrip(" "))]
        moved = "".join(f"{indent}{comment}{self._line_end}" for comment in self._comments(colon, end))
        return f"{text[:line]}{moved}{text[line:colon]} {value}{text[end:]}"

    def _insert(self, key: Any, value: Any, entry: str) -> str:
        """Insert an entry after another key: on the next line, or in the same braces."""
        text, end = self._text, max(_end(value), key.end_mark.index)
        if self._in_braces:
            return f"{text[:end]}, {entry}{text[end:]}"
        if text[end - 1] != "\n":
            found = text.find("\n", end)
            end = len(text) if found < 0 else found + 1
        gap = "" if text[:end].endswith("\n") else self._line_end
        return f"{text[:end]}{gap}{' ' * key.start_mark.column}{entry}{self._line_end}{text[end:]}"

    def _comments(self, start: int, end: int) -> Iterator[str]:
        """The comments in a part of the text: everything between tokens is space or a comment."""
        tokens = [t for t in yaml.scan(self._text, Loader=yaml.SafeLoader) if t.start_mark.index < t.end_mark.index]
        position = start
        for token in [t for t in tokens if start <= t.start_mark.index < end]:
            yield from re.findall(r"#[^\r\n]*", self._text[position : token.start_mark.index])
            position = token.end_mark.index


def _end(node: Any) -> int:
    """The position after the value's last character. The end mark of a block is no help: it comes after the comments
    and empty lines that follow the block."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return max(_end(one) for one in (last if isinstance(last, tuple) else (last,)))
