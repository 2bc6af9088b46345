"""Resolves unquoted YAML scalars by the core schema of YAML 1.2.

So `off`, `no`, `12:30` and dates are text. There are two deviations, both closer to what people mean: a number with
leading zeros (`0123`) is text, because it is a code and not a quantity, and `5_000_000` is a number.
"""

from __future__ import annotations

import re

_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _spell in (str.lower, str.capitalize, str.upper):
    _WORDS |= {_spell("null"): None, _spell("true"): True, _spell("false"): False}

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
_GROUPED = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:_[0-9]{3}){1,30}")
_BASED = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_WHOLE, _EXPONENT = r"(?:0|[1-9][0-9]*)", r"(?:[eE][-+]?[0-9]+)"
_FLOAT = re.compile(rf"[-+]?(?:(?:\.[0-9]+|{_WHOLE}\.[0-9]*){_EXPONENT}?|{_WHOLE}{_EXPONENT})")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text) or _GROUPED.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text
