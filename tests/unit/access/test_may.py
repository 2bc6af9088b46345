"""Who may do what: every verb x every role x own, shared and another's connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.access.actor import Actor, shell
from sluice.access.may import CATALOG, PROJECT, Refused, Subject, connection_of, export_on, may, require, visible
from sluice.access.verbs import VERBS, table
from sluice.definition.models.connection import Connection
from tests.servers.docs import filled

DOCS = Path(__file__).parents[3] / "docs"


def connection(name: str, *roles: str) -> Connection:
    return Connection.model_validate(
        {"name": name, "title": name.title(), "type": "local", "airflow_conn_id": "out", "shared_with": roles}
    )


OWN = connection("own", "marketing")
SHARED = connection("shared", "marketing", "finance")
OTHERS = connection("others", "finance")

ADMIN = Actor("root", administrator=True)
MARKETER = Actor("anna", frozenset({"marketing"}))
VIEWER = Actor("vera", frozenset({"sluice-viewer"}))
NOBODY = Actor("nora")

ALL, CONTRIBUTOR, ADMINS = (
    ("yes yes yes", "yes yes yes", "yes yes yes"),
    ("yes yes yes", "yes yes no", "no no no"),
    (
        "yes yes yes",
        "no no no",
        "no no no",
    ),
)
"""For an administrator, a contributor with the role `marketing`, and a viewer: on the connection that is shared with
`marketing` alone, on one shared with others too, and on one that is shared with others only."""

MATRIX = {
    "view-exports": ALL,
    "preview-export": CONTRIBUTOR,
    "create-export": CONTRIBUTOR,
    "edit-export": CONTRIBUTOR,
    "duplicate-export": CONTRIBUTOR,
    "rename-export": CONTRIBUTOR,
    "schedule-export": CONTRIBUTOR,
    "detach-export": CONTRIBUTOR,
    "remove-export": CONTRIBUTOR,
    "run-export": CONTRIBUTOR,
    "cancel-run": CONTRIBUTOR,
    "release-run": CONTRIBUTOR,
    "resend-run": CONTRIBUTOR,
    "backfill-export": CONTRIBUTOR,
    "verify-delivery": CONTRIBUTOR,
    "set-watermark": ADMINS,
    "view-destinations": ALL,
    "view-connection": CONTRIBUTOR,
    "activate-datasets": CONTRIBUTOR,
    "create-connection": ADMINS,
    "edit-connection": ADMINS,
    "rename-connection": ADMINS,
    "remove-connection": ADMINS,
    "test-connection": ADMINS,
    "view-datasets": ALL,
    "edit-catalog": ADMINS,
    "run-refresh": ADMINS,
    "edit-settings": ADMINS,
    "import-workbench": ADMINS,
    "check-installation": ADMINS,
    "view-usage": ALL,
    "view-audit": ADMINS,
    "search-subject": ADMINS,
}


def subject(verb: str, one: Connection) -> Subject:
    return {
        "export": export_on("orders", one),
        "connection": connection_of(one),
        "catalog": CATALOG,
        "project": PROJECT,
    }[VERBS[verb].on]


def test_the_matrix_has_every_verb() -> None:
    assert list(MATRIX) == list(VERBS)


@pytest.mark.parametrize(("verb", "expected"), MATRIX.items(), ids=list(MATRIX))
def test_every_verb_for_every_role_on_every_connection(verb: str, expected: tuple[str, str, str]) -> None:
    for actor, row in zip((ADMIN, MARKETER, VIEWER), expected, strict=True):
        for one, word in zip((OWN, SHARED, OTHERS), row.split(), strict=True):
            assert may(actor, verb, subject(verb, one)) is (word == "yes"), (actor.name, verb, one.name)
    assert not any(may(NOBODY, verb, subject(verb, one)) for one in (OWN, SHARED, OTHERS))


@pytest.mark.parametrize(
    ("before", "after", "allowed"), [(OWN, SHARED, True), (OWN, OTHERS, False), (OTHERS, OWN, False)]
)
def test_an_export_that_moves_needs_both_connections(before: Connection, after: Connection, allowed: bool) -> None:
    assert may(MARKETER, "edit-export", export_on("orders", before, after)) is allowed
    assert may(ADMIN, "edit-export", export_on("orders", before, after))


def test_without_a_valid_connection_only_administrators_act() -> None:
    for one in (export_on("orders", None), export_on("orders", OWN, None), export_on("orders")):
        assert not may(MARKETER, "edit-export", one)
        assert may(ADMIN, "edit-export", one)
        assert may(MARKETER, "view-exports", one)


def test_a_connection_that_is_shared_with_nobody_belongs_to_administrators() -> None:
    assert not may(MARKETER, "run-export", export_on("orders", connection("private")))
    assert not may(Actor("x", frozenset({""})), "run-export", export_on("orders", connection("private")))


@pytest.mark.parametrize("actor", [ADMIN, MARKETER, VIEWER, NOBODY], ids=lambda actor: actor.name)
def test_what_is_unknown_is_refused(actor: Actor) -> None:
    assert not may(actor, "fly", export_on("orders", OWN))
    assert not may(actor, "edit-export", connection_of(OWN))
    with pytest.raises(Refused, match="there is no verb `edit-exprt`") as refused:
        require(actor, "edit-exprt", export_on("orders", OWN))
    assert refused.value.nearest == "edit-export"
    with pytest.raises(Refused, match="`edit-export` acts on an export, not on connection own"):
        require(actor, "edit-export", connection_of(OWN))


def test_a_refusal_is_a_page() -> None:
    with pytest.raises(Refused) as refused:
        require(MARKETER, "edit-export", export_on("orders", OWN, OTHERS))
    assert refused.value.page() == (
        "anna may not edit export: export orders. Allowed: administrators, and marketing (connection own) together with"
        " finance (connection others)\n"
        "  next: ask an administrator to share the connection others with one of your roles"
    )
    with pytest.raises(Refused, match="next: ask an administrator to do it"):
        require(VIEWER, "edit-catalog", CATALOG)
    with pytest.raises(Refused, match="next: ask an administrator of Airflow for a role"):
        require(NOBODY, "view-exports", export_on("orders", OWN))


def test_of_other_connections_a_contributor_sees_name_and_type_only() -> None:
    assert visible(MARKETER, OWN).details == OWN
    seen = visible(MARKETER, OTHERS)
    assert (seen.name, seen.title, seen.type, seen.details) == ("others", "Others", "local", None)
    assert visible(ADMIN, OTHERS).details == OTHERS
    with pytest.raises(Refused):
        visible(NOBODY, OTHERS)


def test_the_shells_user_is_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    assert shell() == Actor("anna", administrator=True)
    assert shell().author.name == "anna"


def test_the_page_lists_every_verb(request: pytest.FixtureRequest) -> None:
    page = DOCS / "access.md"
    text = page.read_text(encoding="utf-8")
    wanted = filled(text, "verbs", table())
    if request.config.getoption("--update"):
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted
