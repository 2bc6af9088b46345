"""The segment, the trait and their folders in Audience Manager: checked before a run reads data, and found or created
before it sends any.

Nothing is created twice: what exists is found first, by its name or its integration code. If another run creates it in
between, the server answers 409, or has two of one name; either way, both runs find the one with the lowest id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sluice.audience.session import Found, Session
from sluice.definition.models.audience import Audience, AudienceManager
from sluice.errors import FatalError, about

Kind = Literal["traits", "segments"]
_ROOT = 0
_ONBOARDED = "ON_BOARDED_TRAIT"


@dataclass
class Prepared:
    """What a run has found in Audience Manager, or created there."""

    segment: int = 0
    trait: int = 0
    folders: dict[str, int] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_segment(session: Session, audience: Audience) -> Found | None:
    """The segment that an export is for; None if it does not exist, but can be created. Raises `FatalError` if it does
    not exist."""
    found = session.find(f"segments/{audience.id}", f"read the segment {audience.id}")
    if found is None and not audience.id.startswith("ic:"):
        with about("audience", "id"):
            raise _missing(session, "segment", audience.id, "audience.id")
    return found


def prepare(session: Session, declared: AudienceManager, audience: Audience, title: str) -> Prepared:
    """Find or create the folders, the trait and the segment of an export called `title`."""
    done, provider = Prepared(), declared.data_provider
    segment = check_segment(session, audience)
    for kind in ("traits", "segments"):
        done.folders[kind] = _folder(session, kind, provider, done)
    trait = _trait(session, declared, audience, title, done)
    done.trait = int(trait["sid"])
    if trait.get("traitType", _ONBOARDED) != _ONBOARDED:
        with about("audience", "trait"):
            raise session.origin.fatal(
                f"the trait {done.trait} is not an onboarded trait, so no file can add a visitor to it",
                "name an onboarded trait in `audience.trait`, or delete the key: then a run creates one",
            )
    segment = segment or _segment(session, declared, audience, title, done)
    done.segment = int(segment["sid"])
    done.warnings += _unused(segment, done)
    return done


def _folder(session: Session, kind: Kind, name: str, done: Prepared) -> int:
    """The id of the folder below the root."""

    def find() -> Found | None:
        listed = session.every(f"folders/{kind}", f"list the folders of {kind}")
        found = [one for one in _flat(listed) if one.get("name") == name and one.get("parentFolderId") == _ROOT]
        known = [one for one in found if isinstance(one.get("folderId"), int)]
        return min(known, key=lambda one: int(one["folderId"]), default=None)

    body, what = {"parentFolderId": _ROOT, "name": name}, f"the folder {name} of {kind}"
    return int(_obtained(session, Wanted(what, f"folders/{kind}", body, find, "folderId"), done)["folderId"])


def _trait(session: Session, declared: AudienceManager, audience: Audience, title: str, done: Prepared) -> Found:
    name = audience.trait_of(declared.data_provider)

    def find() -> Found | None:
        return session.find(f"traits/{name}", f"read the trait {name}")

    if not name.startswith("ic:"):
        found = find()
        if found is None:
            with about("audience", "trait"):
                raise _missing(session, "trait", name, "audience.trait")
        return found
    code = name.removeprefix("ic:")
    body = {
        "name": _title(title, code),
        "traitType": _ONBOARDED,
        "dataSourceId": declared.source,
        "folderId": done.folders["traits"],
        "traitRule": f'ic == "{code}"',
        "integrationCode": code,
        "ttl": declared.trait_days,
    }
    return _obtained(session, Wanted(f"the trait {name}", "traits/", body, find), done)


def _segment(session: Session, declared: AudienceManager, audience: Audience, title: str, done: Prepared) -> Found:
    code = audience.id.removeprefix("ic:")

    def find() -> Found | None:
        return session.find(f"segments/{audience.id}", f"read the segment {audience.id}")

    body = {
        "name": _title(title, code),
        "segmentRule": f"{done.trait}T",
        "folderId": done.folders["segments"],
        "dataSourceId": declared.source,
        "mergeRuleDataSourceId": declared.source,
        "integrationCode": code,
    }
    return _obtained(session, Wanted(f"the segment {audience.id}", "segments/", body, find), done)


class Wanted(NamedTuple):
    """Something that must exist in Audience Manager."""

    what: str
    path: str
    body: Mapping[str, Any]
    find: Callable[[], Found | None]
    key: str = "sid"


def _obtained(session: Session, wanted: Wanted, done: Prepared) -> Found:
    """What is found, or else created. A creation whose answer is lost is not repeated before another look."""

    def attempt() -> Found:
        if found := wanted.find():
            return found
        created = session.create(wanted.path, wanted.body, wanted.key)
        if created is not None:
            done.created.append(wanted.what)
            return wanted.find() or created
        if found := wanted.find():
            return found
        raise session.origin.fatal(
            f"cannot create {wanted.what}: Audience Manager says that there is one already (409), but shows none",
            "grant the user permission to see it, or choose another name",
        )

    return session.retried(attempt, f"create {wanted.what}")


def _flat(folders: Iterator[Found] | list[Found]) -> Iterator[Found]:
    """The folders of a listing, with those inside others."""
    for one in folders:
        yield one
        inner = one.get("subFolders")
        yield from _flat([sub for sub in inner if isinstance(sub, dict)] if isinstance(inner, list) else [])


def _unused(segment: Found, done: Prepared) -> Iterator[str]:
    rule = segment.get("segmentRule")
    words = "".join(c if c.isalnum() else " " for c in rule).split() if isinstance(rule, str) else None
    if words is not None and f"{done.trait}T" not in words:
        yield (
            f"the rule of the segment {done.segment} in Audience Manager does not contain the trait {done.trait}, so"
            f" the delivered visitors do not become its members: add `{done.trait}T` to the rule"
        )


def _title(title: str, code: str) -> str:
    """A name for people. Audience Manager advises against commas, tabs, pipes and dashes in it."""
    plain = "".join(" " if c in ",\t|-" else c for c in title)
    return f"{' '.join(plain.split())[:150]} {code}"


def _missing(session: Session, what: str, name: str, key: str) -> FatalError:
    server = session.origin.server
    return session.origin.fatal(
        f"Audience Manager at {server} has no {what} {name}, or hides it from this login: nothing is sent",
        f"correct `{key}`, or create the {what} in Audience Manager first; then clear `extract`",
    )
