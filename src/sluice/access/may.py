"""Decides who may do what. Everything that acts for a user asks here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.access.actor import Actor
from sluice.access.verbs import VERBS, Kind, Verb, Who
from sluice.definition.errors.problem import unknown
from sluice.definition.models.connection import Connection
from sluice.errors import FatalError


class Refused(FatalError):  # noqa: N818 - it is an answer
    """The actor may not do this. The page says who may, and what to do next."""


@dataclass(frozen=True)
class Subject:
    """What an actor acts on.

    `connections` are all that are involved. An export that moves to another connection has both. An export without a
    valid connection has none: only administrators act on it."""

    kind: Kind
    name: str = ""
    connections: tuple[Connection, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


PROJECT = Subject("project")
CATALOG = Subject("catalog")


def connection_of(connection: Connection) -> Subject:
    """A connection as a subject."""
    return Subject("connection", connection.name, (connection,))


def export_on(name: str, *connections: Connection | None) -> Subject:
    """An export as a subject, with its connection, and also the new one if it moves. None is a connection that is
    missing or invalid: then the subject has no connections. A detached export that gets one has that one only."""
    found = {connection.name: connection for connection in connections if connection is not None}
    return Subject("export", name, () if None in connections else tuple(found.values()))


@dataclass(frozen=True)
class Visible:
    """What an actor sees of a connection: always its name, display name and type; `details` if it may see all."""

    name: str
    title: str
    type: str
    details: Connection | None


def visible(actor: Actor, connection: Connection) -> Visible:
    """What the actor sees of the connection. Raises `Refused` if it may see nothing."""
    subject = connection_of(connection)
    require(actor, "view-destinations", subject)
    whole = connection if may(actor, "view-connection", subject) else None
    return Visible(connection.name, connection.title or connection.name, connection.destination.type, whole)


def may(actor: Actor, verb: str, subject: Subject) -> bool:
    """Whether the actor may do it. An unknown verb, a verb for another kind of subject, and an actor without a role are
    always refused."""
    known = VERBS.get(verb)
    if known is None or known.on != subject.kind:
        return False
    if actor.administrator:
        return True
    if known.who is Who.SHARED:
        # `all` of no connections would be true.
        return bool(subject.connections) and all(_shared(actor, one) for one in subject.connections)
    return known.who is Who.EVERYONE and bool(actor.roles)


def require(actor: Actor, verb: str, subject: Subject) -> None:
    """Raise `Refused` if the actor may not do it."""
    if not may(actor, verb, subject):
        raise _refused(actor, verb, subject)


def _shared(actor: Actor, connection: Connection) -> bool:
    return not actor.roles.isdisjoint(connection.shared_with)


def _refused(actor: Actor, name: str, subject: Subject) -> Refused:
    verb = VERBS.get(name)
    if verb is None:
        problem = unknown((), name, VERBS, f"there is no verb `{name}`")
        return Refused(problem.what, nearest=problem.nearest, known=problem.known, next_step="use a known verb")
    if verb.on != subject.kind:
        return Refused(f"`{name}` acts on {_one(verb.on)}, not on {subject}", next_step="use a verb for that subject")
    what = f"{actor.name} may not {verb.name.replace('-', ' ')}: {subject}"
    return Refused(f"{what}. Allowed: {_who(verb, subject)}", next_step=_next(actor, verb, subject))


def _one(kind: Kind) -> str:
    return {"project": "the project", "catalog": "the catalog", "connection": "a connection", "export": "an export"}[
        kind
    ]


def _who(verb: Verb, subject: Subject) -> str:
    """Who may do it, with the names of the roles."""
    if verb.who is not Who.SHARED:
        return verb.who.value if verb.who is Who.ADMINISTRATORS else "everyone who has a role"
    if not subject.connections:
        return "administrators, because no valid connection says who else"
    shared = [f"{', '.join(one.shared_with) or 'no role'} (connection {one.name})" for one in subject.connections]
    return f"administrators, and {' together with '.join(shared)}"


def _next(actor: Actor, verb: Verb, subject: Subject) -> str:
    if not actor.roles:
        return "ask an administrator of Airflow for a role, such as sluice-viewer"
    missing = [one.name for one in subject.connections if not _shared(actor, one)]
    if verb.who is Who.SHARED and missing:
        return f"ask an administrator to share the connection {' and '.join(missing)} with one of your roles"
    return "ask an administrator to do it"
