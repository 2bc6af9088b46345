"""One plain sentence for each kind of error that Pydantic reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic import ByteSize

from sluice.definition.errors.location import (
    Trace,
    all_tags,
    bare,
    fields,
    inline,
    is_model,
    meanings,
    members,
    tag_key,
    tags,
)
from sluice.definition.errors.problem import Problem, either, shown, unknown
from sluice.definition.yaml.position import Path
from sluice.model.declared import NAME, spell_duration, spell_size

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date such as 2026-12-01",
    datetime: "a date such as 2026-12-01, or a time such as 2026-12-01T06:30",
    timedelta: "a duration such as 30 min",
    ByteSize: "a size such as 100 MB",
}
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


@dataclass(frozen=True)
class Mistake:
    """One of Pydantic's errors: its type and message, the value, and the target of its `loc`."""

    type: str
    message: str
    input: Any
    context: Mapping[str, Any]
    at: Trace
    noun: str
    """The whole declaration's name in messages, such as `a connection`."""
    given: frozenset[str]
    """The keys of the declaration that are not in its text."""

    @property
    def path(self) -> Path:
        return self.at.path

    @property
    def key(self) -> str:
        """The last key of the path."""
        return str(self.path[-1]) if self.path else ""

    @property
    def meaning(self) -> str:
        """The first clause of the last key's description in the model."""
        words = " ".join(meanings(self.at.model).get(self.key, "").split() if self.at.model else ())
        return re.split(r"[.:;] ", words)[0].rstrip(".")

    @property
    def name(self) -> str:
        """The value's name in a message: `threads`, entry 2 of `segments`."""
        return self.named(self.path)

    def named(self, path: Path) -> str:
        if not path:
            return self.noun
        last = path[-1]
        return f"entry {last + 1} of {self.named(path[:-1])}" if isinstance(last, int) else f"`{last}`"


def sentence(mistake: Mistake) -> Problem:
    """Convert the mistake into a problem."""
    return _SENTENCES.get(mistake.type, _in_its_own_words)(mistake)


def wrong_choice(mistake: Mistake) -> Problem:
    """The problem of a value that matches no member of an untagged union."""
    if mistake.input is None:
        return _no_value(mistake, mistake.at.choice_type)
    what = f"{mistake.name} must be {expected(mistake.at.choice_type)}, not {shown(mistake.input)}"
    nearest = unknown((), str(mistake.input), _literals(mistake.at.choice_type), "").nearest
    return Problem(mistake.path, what, nearest=nearest)


def bad_name(path: Path, name: str, *, key: bool = False) -> Problem:
    """The problem of an invalid name, with the nearest valid one."""
    better = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-")[:100]
    nearest = better if re.fullmatch(NAME, better) else None
    rule = "use lower-case letters, digits, `_` and `-`; start with a letter; at most 100 characters"
    return Problem(path, f"{shown(name)} is not a valid name", rule, nearest, key=key)


def expected(annotation: Any) -> str:
    """The expected value of this type, in words."""
    words = dict.fromkeys(word for option in members(annotation) for word in _words(option))
    return either(words) if words else "another value"


def _words(option: Any) -> Iterator[str]:
    origin = get_origin(option)
    if origin is Literal:
        yield from (f"`{value}`" for value in get_args(option))
    elif is_model(option):
        needed = [tag_key(option)] if tags(option) else [k for k, info in fields(option).items() if info.is_required()]
        yield f"a mapping with `{needed[0]}`" if needed else "a mapping"
    elif isinstance(origin, type):
        yield "a mapping" if issubclass(origin, Mapping) else "a list"
    else:
        yield _WORDS.get(bare(option), "another value")


def _literals(annotation: Any) -> list[str]:
    return [str(v) for option in members(annotation) if get_origin(option) is Literal for v in get_args(option)]


def _missing(m: Mistake) -> Problem:
    advice = f"add `{m.key}`{f': {m.meaning}' if m.meaning else ''}"
    return Problem(m.path[:-1], f"`{m.key}` is missing", advice, lacks=m.key)


def _extra(m: Mistake) -> Problem:
    known = [key for model in (m.at.model, m.at.beside) if model for key in fields(model) if key not in inline(model)]
    known = [key for key in known if len(m.path) > 1 or key not in m.given]
    return unknown(m.path, m.key, known, f"`{m.key}` is not a key of {m.named(m.path[:-1])}", key=True)


def _no_tag(m: Mistake) -> Problem:
    key = tag_key(m.at.type)
    if not isinstance(m.input, dict):
        return _wrong_type(m)
    return Problem(m.path, f"`{key}` is missing", f"add `{key}`", known=all_tags(m.at.type), lacks=key)


def _wrong_tag(m: Mistake) -> Problem:
    key = tag_key(m.at.type)
    tag = m.input.get(key) if isinstance(m.input, dict) else None
    if not isinstance(tag, str):
        return Problem((*m.path, key), f"`{key}` must be text, not {shown(tag)}", known=all_tags(m.at.type))
    return unknown((*m.path, key), tag, all_tags(m.at.type), f"{shown(tag)} is not a known {key}")


def _literal(m: Mistake) -> Problem:
    if m.input is None:
        return _no_value(m, m.at.type)
    return unknown(m.path, str(m.input), _literals(m.at.type), f"{shown(m.input)} is not a valid value of {m.name}")


def _wrong_type(m: Mistake) -> Problem:
    if m.input is None:
        return _no_value(m, m.at.type)
    wanted, advice = expected(m.at.type), ""
    if wanted == "text" and isinstance(m.input, int | float):
        advice = f'put it in quotes: "{shown(m.input)}"'
    elif wanted == "a list" and isinstance(m.input, str):
        advice = f"write [{m.input}]"
    elif tags := all_tags(m.at.type):
        wanted, advice = f"a mapping with `{tag_key(m.at.type)}`", f"write {{{tag_key(m.at.type)}: {tags[0]}}}"
        advice = f"write {{{tag_key(m.at.type)}: {m.input}}}" if m.input in tags else advice
    return Problem(m.path, f"{m.name} must be {wanted}, not {shown(m.input)}", advice)


def _no_value(m: Mistake, annotation: Any) -> Problem:
    return Problem(m.path, f"{m.name} has no value", f"write {expected(annotation)}, or delete the key", key=True)


def _bound(m: Mistake) -> Problem:
    limit = next(iter(m.context.values()))
    limit = timedelta(0) if limit == repr(timedelta(0)) else limit  # Pydantic's form, of a duration that may be null
    limit = spell_duration(limit) if isinstance(limit, timedelta) else limit
    limit = spell_size(int(limit)) if _is_size(m) else limit
    return Problem(m.path, f"{m.name} must be {_BOUNDS[m.type]} {limit}, not {shown(m.input)}")


def _is_size(m: Mistake) -> bool:
    """Whether the key's type is a number of bytes."""
    info = fields(m.at.model).get(m.key) if m.at.model else None
    return info is not None and any(bare(option) is ByteSize for option in members(info.annotation))


def _length(m: Mistake) -> Problem:
    least, most = m.context.get("min_length"), m.context.get("max_length")
    limit = least if most is None else most
    noun = ("character" if limit == 1 else "characters") if m.type.startswith("string") else "entries"
    noun = "entry" if noun == "entries" and limit == 1 else noun
    has = f", but has {len(m.input)}" if hasattr(m.input, "__len__") else ""
    return Problem(m.path, f"{m.name} must have at {'least' if most is None else 'most'} {limit} {noun}{has}")


def _pattern(m: Mistake) -> Problem:
    if m.context.get("pattern") == NAME:
        return bad_name(m.path, str(m.input))
    what = f"{m.name} cannot be {shown(m.input)}"
    return Problem(m.path, what, f"{m.meaning}; it must match {m.context.get('pattern')}".lstrip("; "))


def _own_rule(m: Mistake) -> Problem:
    """The message of our own validators: what is wrong and, after a colon, what to do."""
    what, _, advice = str(m.context.get("error", m.message)).partition(": ")
    scalar = isinstance(m.input, str | int | float)
    return Problem(m.path, f"{m.name} is {shown(m.input)}: {what}" if scalar and m.path else what, advice)


def _in_its_own_words(m: Mistake) -> Problem:
    return Problem(m.path, f"{m.name}: {m.message[:1].lower()}{m.message[1:]}")


_TYPE_ERRORS = (
    "bool_parsing", "bool_type", "byte_size", "byte_size_unit",
    "date_from_datetime_inexact", "date_from_datetime_parsing", "date_parsing",
    "date_type", "dict_type", "finite_number", "float_parsing", "float_type", "int_from_float", "int_parsing",
    "int_parsing_size", "int_type", "list_type", "mapping_type", "model_attributes_type", "model_type", "string_type",
    "tuple_type",
)  # fmt: skip

_SENTENCES: dict[str, Callable[[Mistake], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _extra,
    "union_tag_not_found": _no_tag,
    "union_tag_invalid": _wrong_tag,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_rule,
    **dict.fromkeys(("too_short", "too_long", "string_too_short", "string_too_long"), _length),
    **dict.fromkeys(_TYPE_ERRORS, _wrong_type),
    **dict.fromkeys(_BOUNDS, _bound),
}
