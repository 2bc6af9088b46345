"""Changes one key in the text of a YAML file. Comments, order, quotes and line ends stay unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from sluice.definition.edit.spell import spell
from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError, Place


def put(data: bytes, file: str, key: str, value: Any, *, after: str = "") -> bytes:
    """Set `key: value` at the top level of the file. An existing value is replaced, and comments inside it move above
    the key. A new key is inserted below the key `after`, or at the end.

    Raises `DefinitionError` if the file cannot be edited, for example because the value is an alias."""
    wanted = {**parse(data, file).value, key: value}
    return _edited(data, file, key, wanted, lambda text: text.put(key, spell(value), after))


def take_out(data: bytes, file: str, key: str) -> bytes:
    """Remove a key from the top level of the file. The comments on its lines stay in its place. A file without the key
    stays unchanged.

    Raises `DefinitionError` if the file cannot be edited, for example because other values are aliases of this one."""
    before = parse(data, file).value
    if key not in before:
        return data
    wanted = {name: value for name, value in before.items() if name != key}
    return _edited(data, file, key, wanted, lambda text: text.take_out(key))


def _edited(data: bytes, file: str, key: str, wanted: Mapping[str, Any], edit: Callable[[_Text], str]) -> bytes:
    """The edited file, if its values are then the wanted ones."""
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    edited = mark + edit(_Text(data.removeprefix(mark).decode("utf-8"), file)).encode()
    try:
        done = parse(edited, file).value == wanted
    except DefinitionError:
        done = False
    if not done:
        what = f"the key `{key}` cannot be edited in this form"
        raise DefinitionError(what, place=Place(file), next_step="write each key on a line of its own, without aliases")
    return edited


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

    def take_out(self, key: str) -> str:
        node, value = self._entries[key]
        text, colon = self._text, self._text.index(":", node.end_mark.index) + 1
        end = max(_end(value), colon)
        if self._in_braces:
            start, comma = node.start_mark.index, re.compile(r"\s*,\s*").match(text, end)
            if comma:
                return text[:start] + text[comma.end() :]
            return re.sub(r",\s*$", "", text[:start]) + text[end:]
        if text[end - 1] != "\n":
            found = text.find("\n", end)
            end = len(text) if found < 0 else found + 1
        return self._moved(node, colon, end)[0] + text[end:]

    def _replace(self, key: Any, old: Any, value: str) -> str:
        text, colon = self._text, self._text.index(":", key.end_mark.index) + 1
        if old.start_mark.index < colon:
            place = Place(self._file, key.start_mark.line + 1, key.start_mark.column + 1)
            raise DefinitionError(
                f"`{key.value}` is an alias of another value", place=place, next_step="write it in full"
            )
        end = max(_end(old), colon)
        before, line = self._moved(key, colon, end)
        return f"{before}{text[line:colon]} {value}{text[end:]}"

    def _moved(self, key: Any, colon: int, end: int) -> tuple[str, int]:
        """The text above a key, with the comments in its value moved there, and the start of the key's line."""
        text, line = self._text, self._text.rfind("\n", 0, key.start_mark.index) + 1
        indent = text[line : line + len(text[line:]) - len(text[line:].lstrip(" "))]
        moved = "".join(f"{indent}{comment}{self._line_end}" for comment in self._comments(colon, end))
        return text[:line] + moved, line

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
        yield from re.findall(r"#[^\r\n]*", self._text[position:end])


def _end(node: Any) -> int:
    """The position after the value's last character. The end mark of a block is no help: it comes after the comments
    and empty lines that follow the block."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return max(_end(one) for one in (last if isinstance(last, tuple) else (last,)))
