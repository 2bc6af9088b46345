"""Spells values as YAML on one line. Quotes stand only where a reader of YAML 1.1 or 1.2 could take the text for
something else."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

from yaml.emitter import Emitter, ScalarAnalysis
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from sluice.definition.yaml.scalar import resolve
from sluice.model.declared import spell_duration

_PLAIN_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")
"""What YAML 1.1 may read as it is. A date means the same either way, and the docs write it without quotes."""
_OTHER = re.compile(r"[yYnN]|[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9]*)?")
"""Truth values and numbers to the base 60 in YAML 1.1, of which PyYAML reads only some."""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def spell(value: Any, *, inside: bool = True) -> str:
    """The value as one line. `inside` means within brackets, where fewer texts need no quotes."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case Mapping():
            return "{" + ", ".join(f"{spell(key)}: {spell(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(spell, value)) + "]"
        case timedelta():
            return spell_duration(value)
        case date():
            return spell(value.isoformat(), inside=inside)
    return _text(str(value), inside=inside)


def _text(text: str, *, inside: bool) -> str:
    allowed: ScalarAnalysis = _emitter().analyze_scalar(text)
    plain = allowed.allow_flow_plain if inside else allowed.allow_block_plain
    if plain and text.isprintable() and _is_text(text):
        return text
    if allowed.allow_single_quoted and text.isprintable() and ("\\" in text or '"' in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _is_text(text: str) -> bool:
    """Whether every reader takes the text for a text if it has no quotes."""
    found = _resolver().resolve(ScalarNode, text, (True, False))
    return found in _PLAIN_TAGS and isinstance(resolve(text), str) and not _OTHER.fullmatch(text)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and character != "\ufeff":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"


@cache
def _emitter() -> Any:
    return Emitter(io.StringIO(), allow_unicode=True)


@cache
def _resolver() -> Any:
    return Resolver()
