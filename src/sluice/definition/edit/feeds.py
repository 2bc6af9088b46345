"""Adds feeds to exports and removes them: segments, datasets or entities."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.definition.edit.key import put, take_out
from sluice.definition.edit.store import Reader
from sluice.definition.edit.write import Draft
from sluice.definition.errors.problem import unknown
from sluice.definition.references import feed_key
from sluice.definition.settings import kind_of
from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError, Place


def changing_feeds(store: Reader, name: str, add: Sequence[str], remove: Sequence[str], tag: str) -> Sequence[Draft]:
    """The draft of an export with some feeds added at the end and others removed, with their overrides. The export may
    be broken, for example because one of its segments does not exist any more.

    Raises `DefinitionError` if a feed to remove is not one of the export's, and `StaleError` if the export was changed
    since `tag` was read."""
    stored = store.get("export", name)
    raw = parse(stored.body, str(stored.path)).value
    kind = kind_of(raw)
    if kind is None:
        what = f"export {name} has no valid kind, so its feeds are not known"
        raise DefinitionError(what, place=Place(str(stored.path)), next_step="correct its declaration first")
    key, _ = feed_key(kind.model_construct())
    before = raw.get(key) or []
    if not isinstance(before, list):
        what = f"`{key}` of export {name} is not a list"
        raise DefinitionError(what, place=Place(str(stored.path)), next_step="correct its declaration first")
    for word in remove:
        if word not in before:
            known = [one for one in before if isinstance(one, str)]
            raise unknown((), word, known, f"export {name} has no feed `{word}`", "reload it, and choose again").error()
    after = [one for one in before if one not in remove]
    after += [one for one in dict.fromkeys(add) if one not in after]
    body = put(stored.body, str(stored.path), key, after, after="connection") if after != before else stored.body
    own = raw.get("overrides")
    if isinstance(own, dict) and not own.keys().isdisjoint(remove):
        rest = {feed: override for feed, override in own.items() if feed not in remove}
        file = str(stored.path)
        body = put(body, file, "overrides", rest) if rest else take_out(body, file, "overrides")
    return store.replacing("export", name, body.decode(), tag)
