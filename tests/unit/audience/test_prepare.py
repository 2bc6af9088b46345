"""The folders, the trait and the segment in Audience Manager, at a server that can be told to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sluice.audience.prepare import Prepared, prepare
from sluice.audience.session import opened
from sluice.definition.models.audience import Audience
from sluice.definition.models.audience import AudienceManager as Declared
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import FolderAccess, OAuthAccess
from sluice.testing.known import Known
from tests.servers.audience_manager import CLIENT, PASSWORD, SECRET, USER, AudienceManager, Fault, audience_manager

pytestmark = pytest.mark.slow  # each test talks to a server

SECONDS = timedelta(seconds=20)


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        yield found


def access_to(server: AudienceManager, *, by_user: bool = True, **others: Any) -> OAuthAccess:
    user = {"username": USER, "password": PASSWORD} if by_user else {"token_url": f"{server.address}/ims/token/v3"}
    return OAuthAccess(CLIENT, SECRET, **{"api": f"{server.address}/v1"} | user | others)


def prepared(
    server: AudienceManager, access: OAuthAccess | None = None, audience: str = "12345", **declared: Any
) -> Prepared:
    keys = {"airflow_conn_id": "aam", "data_provider": "895", "timeout": "5s", "retry_for": "20s"}
    account = Declared.model_validate(keys | declared)
    with opened(account, Known(aam=access or access_to(server)), name="mmp") as session:
        return prepare(session, account, Audience(id=audience, visitor_id="Tracking ID"), "Loyal, high-value")


@pytest.mark.parametrize("by_user", [True, False], ids=["password", "server to server"])
def test_everything_is_created_once(server: AudienceManager, by_user: bool) -> None:
    first = prepared(server, access_to(server, by_user=by_user))
    again = prepared(server, access_to(server, by_user=by_user))
    assert first.created == ["the folder 895 of traits", "the folder 895 of segments", "the trait ic:895-12345"]
    assert replace(again, warnings=[]) == replace(first, created=[], warnings=[])
    assert first.segment == 12345
    (trait,) = server.kept["traits"]
    assert trait == {
        "sid": first.trait,
        "name": "Loyal high value 895-12345",
        "traitType": "ON_BOARDED_TRAIT",
        "dataSourceId": 895,
        "folderId": first.folders["traits"],
        "traitRule": 'ic == "895-12345"',
        "integrationCode": "895-12345",
        "ttl": 120,
    }
    assert len(server.kept["segments"]) == len(server.kept["folders/segments"]) == 1


def test_a_segment_named_by_its_code_is_created_with_the_trait(server: AudienceManager) -> None:
    done = prepared(server, audience="ic:loyal", data_provider="acme", data_source=77, trait_days=0)
    segment = server.kept["segments"][-1]
    assert (segment["segmentRule"], segment["integrationCode"]) == (f"{done.trait}T", "loyal")
    assert (segment["dataSourceId"], segment["folderId"]) == (77, done.folders["segments"])
    assert server.kept["traits"][0]["ttl"] == 0
    assert not done.warnings
    assert prepared(server, audience="ic:loyal", data_provider="acme", data_source=77).created == []


def test_a_segment_whose_rule_lacks_the_trait_is_a_warning(server: AudienceManager) -> None:
    done = prepared(server)
    assert done.warnings == [
        f"the rule of the segment 12345 in Audience Manager does not contain the trait {done.trait}, so the delivered"
        f" visitors do not become its members: add `{done.trait}T` to the rule"
    ]
    server.kept["segments"][0]["segmentRule"] = f"FREQUENCY([7T,{done.trait}T]<=30D)>=1"
    assert prepared(server).warnings == []


def test_an_unknown_segment_is_refused_and_nothing_is_created(server: AudienceManager) -> None:
    with pytest.raises(FatalError, match="has no segment 999") as refused:
        prepared(server, audience="999")
    assert refused.value.subject == ("audience", "id")
    assert not any(server.kept[kind] for kind in ("traits", "folders/traits", "folders/segments"))


def test_a_trait_that_files_cannot_realize_is_refused(server: AudienceManager) -> None:
    server.add("traits", integrationCode="895-12345", traitType="RULE_BASED_TRAIT")
    with pytest.raises(FatalError, match="not an onboarded trait"):
        prepared(server)


def test_folders_on_later_pages_and_inside_others_are_told_apart(server: AudienceManager) -> None:
    other = server.add("folders/traits", parentFolderId=3, name="895")
    for number in range(250):
        server.add("folders/traits", parentFolderId=0, name=f"f{number}", subFolders=[other] if number == 7 else [])
    ours = server.add("folders/traits", parentFolderId=0, name="895")
    assert prepared(server).folders["traits"] == ours["folderId"]
    assert server.count("GET /v1/folders/traits") == 3
    server.pages = False
    assert prepared(server).folders["traits"] == ours["folderId"]


def test_an_expired_token_is_renewed_once(server: AudienceManager) -> None:
    server.gives_refresh = True
    account = Declared.model_validate({"airflow_conn_id": "aam", "data_provider": "895"})
    with opened(account, Known(aam=access_to(server)), name="mmp") as session:
        session.log_in()
        server.expire()
        assert session.find("segments/12345", "read it")
        assert [form["grant_type"] for form in server.forms] == ["password", "refresh_token"]
        server.expire()
        server.refresh = set()
        assert session.find("segments/12345", "read it")
        assert [form["grant_type"] for form in server.forms][2:] == ["refresh_token", "password"]
        server.lasts = -1000.0
        server.expire()
        with pytest.raises(FatalError, match="rejects a new login"):
            session.find("segments/12345", "read it")


def test_two_runs_at_once_create_one_of_each(server: AudienceManager) -> None:
    both_at_once(server)
    assert [len(server.kept[kind]) for kind in ("folders/traits", "folders/segments", "traits")] == [1, 1, 1]


def test_two_runs_at_once_agree_where_the_server_accepts_two_of_a_name(server: AudienceManager) -> None:
    server.unique = False
    both_at_once(server)


def both_at_once(server: AudienceManager) -> None:
    server.before_create = threading.Barrier(2)
    found: list[Prepared] = []
    threads = [threading.Thread(target=lambda: found.append(prepared(server))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    one, other = found
    assert (one.folders, one.trait) == (other.folders, other.trait)


PASSING = {
    "500": Fault("traits", 500),
    "429": Fault("traits", 429, headers=(("Retry-After", "1"),)),
    "503 on a creation": Fault("POST /v1/traits", 503),
    "a creation whose answer is lost": Fault("POST /v1/traits", act=True),
    "a created folder whose answer is a web page": Fault("POST /v1/folders/traits", 200, b"<html>", act=True),
    "no JSON": Fault("GET /v1/segments/12345", 200, b"<html>proxy</html>"),
    "JSON of another kind": Fault("GET /v1/segments/12345", 200, b"[1, 2]"),
    "a segment without an id": Fault("GET /v1/segments/12345", 200, b'{"name": "x"}'),
    "a page without a list": Fault("GET /v1/folders/traits", 200, b'{"total": 1}'),
    "JSON that is nested too deeply": Fault("GET /v1/segments/12345", 200, b"[" * 100_000),
    "a token server that fails": Fault("POST /oauth/token", 502),
    "a token server without a token": Fault("POST /oauth/token", 200, b'{"access_token": null}'),
    "a slow answer": Fault("GET /v1/segments/12345", sleep=1.5),
    "an answer that drips": Fault("GET /v1/segments/12345", drip=0.1),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_failure_is_overcome(server: AudienceManager, fault: Fault) -> None:
    server.faults.append(fault)
    slow = fault.sleep or fault.drip
    done = prepared(server, timeout="1s" if slow else "5s")
    assert not server.faults
    assert len(server.kept["traits"]) == len(server.kept["folders/traits"]) == 1
    assert done.trait == server.kept["traits"][0]["sid"]


FATAL: dict[str, tuple[Callable[[AudienceManager], OAuthAccess], str]] = {
    "a wrong secret": (lambda at: replace(access_to(at), client_secret="wrong"), r"rejects the login \(401 invalid_c"),
    "a wrong password": (lambda at: access_to(at, password="wrong"), r"rejects the login \(400 invalid_grant\)"),
    "another client": (lambda at: replace(access_to(at, by_user=False), client_id="other"), "400 invalid_client"),
    "an address in the clear": (lambda at: access_to(at, api="http://aam.example/v1"), "not an https address"),
    "a wrong path": (
        lambda at: access_to(at, api=f"{at.address}/v9", token_url=f"{at.address}/oauth/token"),
        "v9 has no",
    ),
}


@pytest.mark.parametrize(("access", "said"), FATAL.values(), ids=FATAL)
def test_a_login_that_cannot_work_is_reported(
    server: AudienceManager, access: Callable[[AudienceManager], OAuthAccess], said: str
) -> None:
    with pytest.raises(FatalError, match=said):
        prepared(server, access(server))


def test_statuses_that_do_not_pass(server: AudienceManager) -> None:
    for status, said in ((403, "permission denied"), (301, "redirects to elsewhere.example"), (400, "answered 400")):
        server.faults.append(
            Fault("GET /v1/folders", status, headers=(("Location", "https://elsewhere.example/x?t=1"),))
        )
        with pytest.raises(FatalError, match=said):
            prepared(server)


def test_an_outage_ends_as_a_retriable_error(server: AudienceManager) -> None:
    server.faults.extend(Fault("GET /v1/segments", 500) for _ in range(20))
    with pytest.raises(RetriableError, match=r"cannot read the segment 12345: .* \(500\)"):
        prepared(server, retry_for="1s")
    with pytest.raises(RetriableError, match="does not answer"):
        prepared(
            server, access_to(server, api="http://127.0.0.1:9/v1", token_url="http://127.0.0.1:9/t"), retry_for="0s"
        )


def test_another_type_of_connection_is_refused(server: AudienceManager, tmp_path: Any) -> None:
    account = Declared.model_validate({"airflow_conn_id": "aam", "data_provider": "895"})
    with ExitStack() as stack, pytest.raises(DefinitionError, match="not of type http"):
        stack.enter_context(opened(account, Known(aam=FolderAccess(tmp_path)), name="mmp"))


def test_no_secret_is_shown(server: AudienceManager, caplog: pytest.LogCaptureFixture) -> None:
    hidden: list[str] = []
    caplog.set_level("DEBUG")
    access = access_to(server, hide=hidden.append)
    prepared(server, access)
    server.faults.extend(Fault("GET /v1/segments", 401, headers=(("WWW-Authenticate", "x"),)) for _ in range(2))
    with pytest.raises(FatalError) as refused:
        prepared(server, access)
    shown = f"{access!r}{refused.value}{refused.value.__cause__!r}{caplog.text}"
    for secret in (SECRET, PASSWORD, *server.tokens):
        assert secret not in shown
    assert set(server.tokens) == set(hidden)
