"""The exam of filesystems: what staging and sources need of each, on a real server, through its Airflow connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from sluice import patience
from sluice.access.actor import Actor
from sluice.access.audit import Audit, entry
from sluice.definition.models.project import Staging
from sluice.delivery.commit.log import Log
from sluice.errors import FatalError, RetriableError
from sluice.filesystem import Opened, open_filesystem
from sluice.filesystem.creating import on_google
from sluice.filesystem.probe import probe_staging
from sluice.model.access import GoogleAccess
from sluice.runs.compact import compact
from sluice.runs.index import Index
from sluice.runs.journal import Journal
from tests.servers import azurite, gcs, s3
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError, free_port
from tests.servers.subjects import _by_key, _local, _sas
from tests.unit.runs.journals import NOW, YESTERDAY, record, runs_of


@dataclass(frozen=True)
class Place:
    """A filesystem, how its Airflow connection is made, the first level of its paths, and a connection that the server
    refuses."""

    name: str
    connection: Callable[[Fleet], str]
    top: str = ""
    refused: Callable[[Fleet], str] | None = None

    def open(self, fleet: Fleet, folder: str, *, read_only: bool = False) -> Opened:
        conn_id = fleet.connect(f"files_{self.name}", self.connection(fleet))
        path = "/".join(filter(None, [self.top, self.name, folder]))
        return open_filesystem(fleet, conn_id, path, read_only=read_only)


PLACES = (
    Place("local", _local),
    Place(
        "ministack",
        lambda f: s3.connection(f.ministack),
        s3.BUCKET,
        lambda f: s3.connection(f.ministack, key="nobody", secret="wrong"),
    ),
    Place("rclone", lambda f: s3.connection(f.rclone), s3.BUCKET, lambda f: s3.connection(f.rclone, secret="wrong")),
    Place(
        "gcs_token",
        lambda f: f.cloud_storage.connection(files=f.google_emulator),
        gcs.BUCKET,
        lambda f: f.cloud_storage.connection(files=f.google_emulator, private_key=gcs.key_pair()[0]),
    ),
    Place("gcs_hmac", lambda f: f.cloud_storage.by_hmac(), "inbound", lambda f: f.cloud_storage.by_hmac("wrong")),
    Place(
        "azurite",
        lambda f: azurite.by_connection_string(f.azurite),
        azurite.CONTAINER,
        lambda f: azurite.by_connection_string(f.azurite, key="d3Jvbmcga2V5"),
    ),
    Place("azurite_sas", _sas, azurite.CONTAINER),
    Place("sshd", lambda f: f.sshd.connection(), "", lambda f: f.sshd.connection(password="wrong")),
    Place("asyncssh", _by_key),
)


def _fail_half_way(stream: pa.NativeFile) -> None:
    stream.write(b"half")
    raise RuntimeError("broke off")


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def place(request: pytest.FixtureRequest, fleet: Fleet) -> Place:
    place: Place = request.param
    try:
        place.connection(fleet)
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    return place


def test_files_are_written_whole_listed_read_and_removed(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/one")
    assert opened.list() == []
    assert opened.find_bytes("a/b.json") is None
    opened.write_bytes("a/b.json", b"first")
    opened.write_bytes("a/b.json", b"the second, longer")
    with opened.open_output("a/Grüße/c d.bin") as stream:
        stream.write(b"x" * 100_000)
        stream.write(b"y")
    assert [(f.name, f.size) for f in opened.list()] == [("a/Grüße/c d.bin", 100_001), ("a/b.json", 18)]
    assert opened.read_bytes("a/b.json") == b"the second, longer"
    with opened.open_input("a/Grüße/c d.bin") as stream:
        assert stream.read_at(2, 99_999) == b"xy"
    found = opened.stat("a/b.json")
    assert found
    assert found.size == 18
    assert [f.name for f in opened.list("a")] == ["a/Grüße/c d.bin", "a/b.json"]
    assert opened.stat("a/none") is None


PROMISES_NOTHING = {"gcs_hmac": "cannot create a file only if it does not exist"}
"""Where a file cannot be created only if it is absent, and what is said of it."""
IGNORES = {"rclone", "gcs_token"}
"""Servers that answer as if they had obeyed the condition, and overwrite the file."""


def test_of_many_that_create_a_file_exactly_one_does(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/nine")
    if place.name in PROMISES_NOTHING:
        with pytest.raises(FatalError, match=PROMISES_NOTHING[place.name]):
            opened.create("00000001/entry.json", b"x")
        return
    bodies = [b"process %d" % n for n in range(1 if place.name in IGNORES else 8)]
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda body: opened.create("00000001/entry.json", body), bodies))
    assert created.count(True) == 1
    assert opened.read_bytes("00000001/entry.json") == bodies[created.index(True)]
    assert [f.name for f in opened.list() if not f.name.startswith(".")] == ["00000001/entry.json"]
    opened.remove_tree("00000001")
    assert opened.create("00000001/entry.json", b"anew")


def test_of_many_that_create_an_object_of_google_exactly_one_does(fleet: Fleet) -> None:
    """By Google's own client, on our own server: the emulator of the others ignores the condition."""
    access = fleet.get(fleet.connect("files_gcs_conditional", fleet.cloud_storage.connection()))
    assert isinstance(access, GoogleAccess)
    create = on_google(access)
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda n: create(f"{gcs.BUCKET}/exam/entry.json", b"process %d" % n), range(8)))
    assert created.count(True) == 1


def test_staging_is_probed_for_that(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/eight")
    if place.name not in PROMISES_NOTHING and place.name not in IGNORES:
        assert probe_staging(fleet, opened.conn_id, opened.path) == opened.root
        assert opened.list() == []
        log = Log(opened)
        assert log.append(1, b"one", anchor=1)
        assert not log.append(1, b"another", anchor=1)
        return
    with pytest.raises(FatalError, match=PROMISES_NOTHING.get(place.name, "was created twice")) as refused:
        probe_staging(fleet, opened.conn_id, opened.path)
    assert "put staging on" in refused.value.next_step
    with pytest.raises(FatalError, match=PROMISES_NOTHING.get(place.name, "ignores the condition")):
        Log(opened).append(1, b"one", anchor=1)


def test_the_audit_log_is_kept_on_any_staging(place: Place, fleet: Fleet) -> None:
    if place.name in PROMISES_NOTHING or place.name in IGNORES:
        return
    opened = place.open(fleet, "exam/ten")
    log = Audit(Staging(airflow_conn_id=opened.conn_id, path=opened.path), fleet)
    for number in range(5):
        log.append(entry(Actor("anna"), f"verb-{number}", [], "done"))
    again = Audit(Staging(airflow_conn_id=opened.conn_id, path=opened.path), fleet)
    assert [one.verb for _, one in again.newest()] == ["verb-4", "verb-3", "verb-2", "verb-1", "verb-0"]


def test_files_and_folders_are_removed(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/five")
    opened.write_bytes("a/b.json", b"1")
    opened.write_bytes("a/Grüße/c d.bin", b"2")
    try:
        opened.remove(["a/b.json", "a/none"])
    except RetriableError:  # now and then, Azurite ends its answer early when a file is missing: a task is retried then
        if place.name != "azurite":
            raise
        opened.remove(["a/b.json", "a/none"])
    assert [f.name for f in opened.list()] == ["a/Grüße/c d.bin"]
    opened.remove_tree("a")
    opened.remove_tree("a")
    assert opened.list() == []


def test_the_index_of_runs_lives_there(place: Place, fleet: Fleet, tmp_path: Path) -> None:
    """Records are appended and read, days that are over are packed, and a late record of such a day is found."""
    journal = Journal(place.open(fleet, f"exam/{tmp_path.name}"))
    index = Index(journal, tmp_path / "cache.sqlite")
    for run, at in (("r1", YESTERDAY), ("r2", NOW)):
        journal.append(record(run=run, at=at))
    assert runs_of(index) == ["r2", "r1"]
    if place.name in PROMISES_NOTHING:
        with pytest.raises(FatalError, match=PROMISES_NOTHING[place.name]):
            compact(journal, NOW)
        assert runs_of(index) == ["r2", "r1"]
        return
    assert compact(journal, NOW) == {"2026-11-25": 1}
    assert [name[:10] for name in journal.new()] == ["2026-11-26"]
    late = record(run="late", at=YESTERDAY - timedelta(hours=1))
    journal.append(late)
    assert runs_of(index) == runs_of(Index(journal, tmp_path / "new.sqlite")) == ["r2", "r1", "late"]
    if place.name not in IGNORES:
        assert compact(journal, NOW) == {"2026-11-25": 1}
        assert runs_of(index) == runs_of(Index(journal, tmp_path / "newer.sqlite")) == ["r2", "r1", "late"]


def test_s3_keeps_no_empty_objects_named_like_folders(fleet: Fleet) -> None:
    opened = next(p for p in PLACES if p.name == "ministack").open(fleet, "exam/six")
    for name in ("a/b", "a/c/d"):
        opened.write_bytes(name, b"1")
    opened.remove(["a/b"])
    opened.remove_tree("a")
    left = s3.client(fleet.ministack).list_objects_v2(Bucket=s3.BUCKET, Prefix="ministack/exam/six")
    assert "Contents" not in left


def test_threads_share_a_connection(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/seven")
    bodies = {f"{number}.bin": bytes([number]) * 50_000 for number in range(6)}
    for name, body in bodies.items():
        opened.write_bytes(name, body)

    def look(name: str) -> tuple[int, bytes, int]:
        found = opened.stat(name)
        return found.size if found else -1, opened.read_bytes(name), len(opened.list())

    with ThreadPoolExecutor(6) as threads:
        seen = list(threads.map(look, list(bodies) * 4, timeout=60))
    assert seen == [(50_000, body, 6) for body in bodies.values()] * 4


def test_a_stream_that_fails_leaves_nothing(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/two")
    opened.write_bytes("kept.json", b"old")
    with pytest.raises(RuntimeError, match="broke off"), opened.open_output("kept.json") as stream:
        _fail_half_way(stream)
    assert opened.read_bytes("kept.json") == b"old"
    assert [f.name for f in opened.list()] == ["kept.json"]


def test_a_missing_file_names_the_connection(place: Place, fleet: Fleet) -> None:
    with pytest.raises(FatalError, match=f"connection files_{place.name}: reading none.json"):
        place.open(fleet, "exam/three").read_bytes("none.json")


def test_a_source_is_never_written_to(place: Place, fleet: Fleet) -> None:
    opened = place.open(fleet, "exam/four", read_only=True)
    with pytest.raises(FatalError, match="read-only"):
        opened.write_bytes("x", b"")
    with pytest.raises(FatalError, match="read-only"):
        opened.remove_tree("x")


@pytest.mark.parametrize("place", [p for p in PLACES if p.refused], ids=lambda p: p.name)
def test_wrong_credentials_are_fatal(place: Place, fleet: Fleet) -> None:
    assert place.refused
    conn_id = fleet.connect(f"refused_{place.name}", place.refused(fleet))
    with pytest.raises(FatalError, match=conn_id) as refusal:
        open_filesystem(fleet, conn_id, place.top).read_bytes("x/y")
    assert "wrong" not in str(refusal.value).lower().replace("wrong key", "").replace("wrong_", "")


@pytest.mark.parametrize("place", [p for p in PLACES if p.name in ("ministack", "rclone")], ids=lambda p: p.name)
def test_a_missing_bucket_is_fatal(place: Place, fleet: Fleet) -> None:
    conn_id = fleet.connect(f"bucket_{place.name}", place.connection(fleet))
    with pytest.raises(FatalError, match=conn_id):
        open_filesystem(fleet, conn_id, "no-such-bucket").read_bytes("x")


def test_a_server_that_is_down_is_tried_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", timedelta(seconds=1))
    nobody = f"http://127.0.0.1:{free_port()}"
    conn_id = fleet.connect("down", s3.connection(nobody))
    with pytest.raises(RetriableError, match="connection down"):
        open_filesystem(fleet, conn_id, "inbound").list()


@dataclass(frozen=True)
class Throttled:
    """A store behind a proxy, and how it says that it is busy. Azure's client repeats a 503 by itself, but no 429."""

    server: Callable[[Fleet], str]
    connection: Callable[[str], str]
    top: str
    refusing: Rule

    @contextmanager
    def opened(self, fleet: Fleet, conn_id: str) -> Iterator[tuple[Opened, FaultProxy]]:
        with faults(urlsplit(self.server(fleet)).port or 0) as proxy:
            fleet.connect(conn_id, self.connection(f"http://127.0.0.1:{proxy.port}"))
            yield open_filesystem(fleet, conn_id, f"{self.top}/{conn_id}"), proxy


THROTTLED = {
    "s3": Throttled(
        lambda f: f.ministack, lambda at: s3.connection(at), s3.BUCKET, Rule("answer", status=503, times=3)
    ),
    "azure": Throttled(
        lambda f: f.azurite,
        lambda at: azurite.by_sas_url(f"{at}/{azurite.ACCOUNT}"),
        azurite.CONTAINER,
        Rule("answer", status=429, code="ServerBusy", body="", times=3),
    ),
}


def test_a_task_has_as_much_patience_as_the_documents_say() -> None:
    assert patience.patience() == timedelta(seconds=30)


@pytest.mark.parametrize("kind", THROTTLED)
def test_a_store_that_is_busy_is_asked_again_by_each_request(kind: str, fleet: Fleet) -> None:
    store = THROTTLED[kind]
    acts: dict[str, Callable[[Opened, str], object]] = {
        "stat": lambda at, name: at.stat(name) is not None,
        "list": lambda at, name: len(at.list(name.partition("/")[0])) == 1,
        "read": lambda at, name: at.read_bytes(name) == b"x",
        "open": lambda at, name: at.open_input(name).size() == 1,
        "write": lambda at, name: at.write_bytes(name, b"y") is None,
        "remove": lambda at, name: at.remove([name]) is None,
        "create": lambda at, name: at.create(name + ".new", b"x"),
    }
    if kind == "azure":
        del acts["read"]  # what follows the opening is the client's own affair
    with store.opened(fleet, f"busy_{kind}") as (opened, proxy):
        for act in acts:
            opened.write_bytes(f"{act}-a/b", b"x")
        rules = {act: replace(store.refusing, path=f"{act}-a") for act in acts}
        proxy.rules += rules.values()
        with ThreadPoolExecutor(len(acts)) as pool:
            done = {act: pool.submit(do, opened, f"{act}-a/b") for act, do in acts.items()}
        assert {act: one.result() for act, one in done.items()} == dict.fromkeys(acts, True)
        assert {act: rule.seen for act, rule in rules.items()} == dict.fromkeys(acts, store.refusing.times)


@pytest.mark.parametrize("kind", THROTTLED)
def test_a_store_that_stays_busy_is_left_to_airflow_when_patience_ends(
    kind: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", timedelta(seconds=1.5))
    store = THROTTLED[kind]
    with store.opened(fleet, f"storm_{kind}") as (opened, proxy):
        proxy.rules.append(replace(store.refusing, times=1_000_000))
        with ThreadPoolExecutor(2) as pool:
            began = time.monotonic()
            acts = [pool.submit(opened.read_bytes, "x"), pool.submit(opened.create, "a/b", b"x")]
            for act in acts:
                with pytest.raises(RetriableError, match=f"connection storm_{kind}"):
                    act.result()
                assert time.monotonic() - began >= 1.5
        if kind == "s3":
            began = time.monotonic()
            monkeypatch.setattr("sluice.filesystem.access._GREETED", set())
            with pytest.raises(RetriableError, match="opening the connection"):
                open_filesystem(fleet, opened.conn_id, opened.path)
            assert time.monotonic() - began >= 1.5


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_a_creation_whose_answer_is_lost_is_not_repeated(kind: str, fleet: Fleet) -> None:
    """The second answer would be that somebody else has created it."""
    with THROTTLED[kind].opened(fleet, f"lost_{kind}") as (opened, proxy):
        proxy.rules.append(lost := Rule("lose", "PUT", times=1))
        with pytest.raises(RetriableError, match="creating a/b"):
            opened.create("a/b", b"x")
        assert lost.seen == 1
        assert opened.read_bytes("a/b") == b"x"


def test_a_server_with_another_host_key_is_refused(fleet: Fleet) -> None:
    declared = json.loads(fleet.asyncssh.connection())
    own = json.loads(fleet.rclone_sftp.connection())["extra"]["host_key"]
    declared["extra"]["host_key"] = own
    conn_id = fleet.connect("impostor", json.dumps(declared))
    with pytest.raises(FatalError, match="impostor"):
        open_filesystem(fleet, conn_id, "").list()


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_nobody_is_followed_to_another_host(kind: str, fleet: Fleet) -> None:
    """Whichever client it is, no request arrives there, and no answer of it is believed."""
    server = {"s3": fleet.ministack, "azure": fleet.azurite, "gcs": fleet.google_emulator}[kind]
    with faults(urlsplit(server).port or 0) as other, faults(urlsplit(server).port or 0) as sending:
        away = {"Location": f"http://127.0.0.1:{other.port}/inbound/x"}
        sending.rules.append(Rule("answer", path="inbound", status=307, code="Redirect", body="", headers=away))
        at = f"http://127.0.0.1:{sending.port}"
        connection = {
            "s3": lambda: s3.connection(at),
            "azure": lambda: azurite.by_sas_url(f"{at}/{azurite.ACCOUNT}"),
            "gcs": lambda: fleet.cloud_storage.connection(files=at),
        }[kind]()
        conn_id = fleet.connect(f"sent_on_{kind}", connection)
        for act in (lambda at: at.read_bytes("x"), lambda at: at.list(), lambda at: at.create("a/b", b"x")):
            with pytest.raises(FatalError, match=f"(?s)sent_on_{kind}.*redirects to"):
                act(open_filesystem(fleet, conn_id, "inbound"))
        assert other.heads == []
