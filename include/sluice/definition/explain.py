"""Pydantic's errors as problems a reader can put right: one plain sentence each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sluice.definition.position import Path
from sluice.definition.problem import Problem, either, shown, unknown
from sluice.definition.trace import Trace, bare, inline, is_model, keys, members, tag_key, tags, trace
from sluice.model.declared import NAME

_TYPES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", timedelta: "a length of time"}
_AT_LEAST = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than"}
_AT_MOST = {"less_than_equal": "at most"}


@dataclass(frozen=True)
class _Error:
    """One of Pydantic's errors, with where it leads."""

    type: str
    loc: tuple[str | int, ...]
    message: str
    input: Any
    context: Mapping[str, Any]
    at: Trace
    given: frozenset[str]
    """Keys of the outermost model that the file's place gives, and not its text."""

    @property
    def path(self) -> Path:
        return self.at.path

    @property
    def name(self) -> str:
        """The value's key as a sentence names it: `threads`, `entry 2 of segments`."""
        return _named(self.path)


def explain(error: ValidationError, root: Any, given: Iterable[str] = ()) -> list[Problem]:
    """The problems of a declaration of type `root`; `given` are keys that do not stand in the file's text."""
    found = [
        _Error(e["type"], e["loc"], e["msg"], e.get("input"), e.get("ctx", {}), trace(root, e["loc"]), frozenset(given))
        for e in error.errors(include_url=False)
    ]
    problems = [problem for group in _choices(found) for problem in _explain_choice(group)]
    return _without_misspelt(problems)


def _choices(errors: list[_Error]) -> Iterator[list[_Error]]:
    """Errors of the members of one untagged union stand together: only one of the members was meant."""
    for _, group in groupby(errors, key=lambda e: e.at.choice if e.at.choice is not None else e.loc):
        yield list(group)


def _explain_choice(group: list[_Error]) -> list[Problem]:
    """The member that the value fits furthest is the one that was meant."""
    depth = max(len(e.path) for e in group)
    deepest = [e for e in group if len(e.path) == depth]
    first = deepest[0]
    if len(group) > 1 and first.path == first.at.choice:
        first = next((e for e in deepest if e.type == "literal_error"), first)
        return [_wrong_choice(first, first.at.choice_type)]
    return [_SENTENCES.get(e.type, _in_its_own_words)(e) for e in deepest]


def _without_misspelt(problems: list[Problem]) -> list[Problem]:
    """A missing key is no second problem where the same mapping holds its misspelling."""
    misspelt = {(*p.path[:-1], p.nearest) for p in problems if p.key and p.nearest}
    return [p for p in problems if (*p.path, _missing_key(p)) not in misspelt]


def _missing_key(problem: Problem) -> str | None:
    found = re.fullmatch(r"`(\w+)` is missing", problem.what)
    return found[1] if found else None


def _named(path: Path) -> str:
    match path:
        case []:
            return "the declaration"
        case [*rest, int(index)]:
            return f"entry {index + 1} of {_named(tuple(rest))}"
        case _:
            return f"`{path[-1]}`"


def _missing(e: _Error) -> Problem:
    key = str(e.loc[-1])
    meaning = _meaning(e.at.model, key)
    return Problem(e.path[:-1], f"`{key}` is missing", f"add `{key}`{f': {meaning}' if meaning else ''}")


def _meaning(model: type[BaseModel] | None, key: str) -> str:
    """The one sentence that the model has for a key."""
    fields = model.model_fields.items() if model else ()
    return next((info.description or "" for name, info in fields if (info.alias or name) == key), "").rstrip(".")


def _extra(e: _Error) -> Problem:
    key = str(e.loc[-1])
    known = [k for m in (e.at.model, e.at.beside) if m for k in keys(m) if k not in inline(m)]
    if len(e.path) == 1:
        known = [k for k in known if k not in e.given]
    owner = _named(e.path[:-1])
    return unknown(e.path, key, known, f"`{key}` is not a key of {owner}", key=True)


def _no_tag(e: _Error) -> Problem:
    key = tag_key(e.at.type)
    known = _all_tags(e.at.type)
    return Problem(e.path, f"`{key}` is missing", f"add `{key}: {known[0]}`, or another", known=known)


def _wrong_tag(e: _Error) -> Problem:
    key = tag_key(e.at.type)
    tag = str(e.context.get("tag", ""))
    return unknown((*e.path, key), tag, _all_tags(e.at.type), f"{shown(tag)} is not a known {key}")


def _all_tags(annotation: Any) -> tuple[str, ...]:
    return tuple(sorted(tag for member in members(annotation) for tag in tags(member)))


def _literal(e: _Error) -> Problem:
    known = [str(v) for option in members(e.at.type) if get_origin(option) is Literal for v in get_args(option)]
    if e.input is None:
        return _no_value(e)
    return unknown(e.path, str(e.input), known, f"{shown(e.input)} is not a value of {e.name}")


def _wrong_choice(e: _Error, annotation: Any) -> Problem:
    """A value that fits no member of a union."""
    if e.input is None:
        return _no_value(e)
    known = [str(v) for option in members(annotation) if get_origin(option) is Literal for v in get_args(option)]
    what = f"{e.name} must be {expected(annotation)}, and is {shown(e.input)}"
    return unknown(e.path, str(e.input), known, what) if isinstance(e.input, str) else Problem(e.path, what)


def _wrong_type(e: _Error) -> Problem:
    if e.input is None:
        return _no_value(e)
    wanted = expected(e.at.type)
    hint = f'put it in quotes: "{e.input}"' if wanted == "text" and isinstance(e.input, int | float) else ""
    if wanted == "a list" and isinstance(e.input, str):
        hint = f"write [{e.input}]"
    return Problem(e.path, f"{e.name} must be {wanted}, and is {shown(e.input)}", hint)


def _no_value(e: _Error) -> Problem:
    return Problem(e.path, f"{e.name} has no value", f"write {expected(e.at.type)}, or delete the key", key=True)


def expected(annotation: Any) -> str:
    """What a value of this type looks like in a file."""
    words = dict.fromkeys(word for option in members(annotation) for word in _words(option))
    return either(words) if words else "something else"


def _words(option: Any) -> Iterator[str]:
    origin = get_origin(option)
    if origin is Literal:
        yield from (f"`{value}`" for value in get_args(option))
    elif is_model(option):
        needed = [name for name, info in option.model_fields.items() if info.is_required()]
        yield f"a mapping with `{needed[0]}`" if needed else "a mapping"
    elif origin is not None and isinstance(origin, type):
        yield "a mapping of keys to values" if issubclass(origin, Mapping) else "a list"
    else:
        yield _TYPES.get(bare(option), "something else")


def _bound(e: _Error) -> Problem:
    word = (_AT_LEAST | _AT_MOST)[e.type]
    limit = next(iter(e.context.values()))
    if isinstance(limit, timedelta):
        limit = f"{limit.total_seconds():g}s"
    value = "less" if isinstance(e.input, timedelta) else shown(e.input)
    return Problem(e.path, f"{e.name} must be {word} {limit}, and is {value}")


def _too_short(e: _Error) -> Problem:
    return Problem(e.path, f"{e.name} needs at least {e.context['min_length']} {_unit(e)}, and has {_length(e)}")


def _too_long(e: _Error) -> Problem:
    return Problem(e.path, f"{e.name} takes at most {e.context['max_length']} {_unit(e)}, and has {_length(e)}")


def _unit(e: _Error) -> str:
    limit = e.context.get("min_length", e.context.get("max_length"))
    noun = ("character", "characters") if e.type.startswith("string") else ("entry", "entries")
    return noun[limit != 1]


def _length(e: _Error) -> int | str:
    return len(e.input) if hasattr(e.input, "__len__") else "more"


def _pattern(e: _Error) -> Problem:
    if e.context.get("pattern") == NAME:
        return bad_name(e.path, str(e.input))
    what = f"{shown(e.input)} is not a {e.path[-1] if e.path else 'value'}"
    return Problem(e.path, what, _meaning(e.at.model, str(e.loc[-1])) or f"write text like {e.context.get('pattern')}")


def bad_name(path: Path, name: str, *, key: bool = False) -> Problem:
    """A name that breaks the rule of names, with one that keeps it."""
    better = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-")[:100]
    rule = "a name has lower-case letters, digits, `_` and `-`, begins with a letter and ends by character 100"
    return Problem(path, f"{shown(name)} is not a name", rule, better if re.fullmatch(NAME, better) else None, key=key)


def _own_rule(e: _Error) -> Problem:
    """Our own validators speak in sentences already."""
    sentence = str(e.context.get("error", e.message))
    value = f", and is {shown(e.input)}" if isinstance(e.input, str | int | float) else ""
    what, _, next_step = sentence.partition(": ")
    return Problem(e.path, f"{e.name}: {what}{value}" if value else what, next_step)


def _in_its_own_words(e: _Error) -> Problem:
    return Problem(e.path, f"{e.name}: {e.message[:1].lower()}{e.message[1:]}")


_SENTENCES: dict[str, Callable[[_Error], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _extra,
    "union_tag_not_found": _no_tag,
    "union_tag_invalid": _wrong_tag,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_rule,
    "too_short": _too_short,
    "too_long": _too_long,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    **dict.fromkeys(
        (
            "string_type", "int_type", "int_parsing", "int_from_float", "int_parsing_size", "float_type",
            "float_parsing", "finite_number", "bool_type", "bool_parsing", "tuple_type", "list_type", "dict_type",
            "mapping_type", "model_type", "model_attributes_type", "time_delta_type", "time_delta_parsing",
        ),
        _wrong_type,
    ),
    **dict.fromkeys((*_AT_LEAST, *_AT_MOST), _bound),
}  # fmt: skip
