"""SFTP servers that answer in other words, verb by verb: what comes of each.

`docs/sftp.md` has the table; `pytest --update` writes it there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sluice.cli import main
from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, SluiceError
from sluice.filesystem import open_filesystem
from sluice.filesystem.probe import probe_staging
from tests.builders import World
from tests.servers.docs import block, filled
from tests.servers.fleet import Fleet
from tests.servers.quirky_sftp import QUIRKS
from tests.servers.ssh import SftpServer, quirky

DOCS = Path(__file__).parents[2] / "docs" / "sftp.md"
FIRST, SECOND = b"first" * 200_000, b"the second, longer" * 100_000
WORKS: tuple[type[SluiceError] | None, str] = (None, "")


@dataclass(frozen=True)
class Case:
    """What a server answers to one verb, and what comes of it: all goes on, or `error` with `text` in it, once as it is
    and then with what is declared in `way_out`."""

    verb: str
    relies: str
    quirks: str
    comes: str
    error: type[SluiceError] | None = None
    text: str = ""
    way_out: dict[str, Any] = field(default_factory=dict)
    job: Callable[[Destination], None] | None = None

    def __str__(self) -> str:
        return self.quirks


def deliver(destination: Destination) -> None:
    """Every request that a run makes of a destination, and its result."""
    assert destination.stat("a/b/one.bin") is None
    destination.remove(["a/b/one.bin"])
    for body in (FIRST, SECOND):
        stored = destination.put("a/b/one.bin", [body[:300_000], body[300_000:]])
        assert stored.size == len(body)
    destination.put("a/two.bin", [b"2"])
    found = destination.stat("a/b/one.bin")
    assert found is not None
    assert found.size == len(SECOND)
    assert b"".join(destination.read("a/b/one.bin")) == SECOND


def tidy(destination: Destination) -> None:
    """What only some runs ask."""
    deliver(destination)
    assert [one.name for one in destination.list("")] == ["a/b/one.bin", "a/two.bin"]
    assert list(destination.list("none")) == []
    assert destination.abort(["a/b/one.bin", "none/x"]) == 0
    destination.remove(["a/b/one.bin", "a/two.bin", "a/none"])
    assert list(destination.list("")) == []


def write_only(destination: Destination) -> None:
    destination.put("a/b/one.bin", [FIRST])


def replace_only(destination: Destination) -> None:
    """A run that has nothing to tidy up."""
    for body in (FIRST, SECOND):
        destination.put("a/b/one.bin", [body])
    with pytest.raises(
        FatalError, match=r"remove in/a/b/one\.bin: permission denied\n  next: give this user permission to delete"
    ):
        destination.remove(["a/b/one.bin"])


ONE = {"connections": 1}
IN_PLACE = {"rename": False}
CASES = (
    Case("connect", "as many connections as `connections`", "one-connection",
         "the error names `connections: 1`", RetriableError, "declare `connections: 1`", ONE),
    Case("connect", "algorithms without SHA-1", "sha1-kex", "refused, with what is offered and `legacy_algorithms`",
         FatalError, "offers only key exchange algorithms .*group14-sha1, diffie-hellman-group1-sha1"),
    Case("connect", "algorithms without SHA-1", "sha1-mac", "the same", FatalError,
         "offers only MAC algorithms .*hmac-sha1"),
    Case("connect", "algorithms without SHA-1", "sha1-key", "the same", FatalError,
         "offers only host key algorithms .*ssh-rsa"),
    Case("connect", "signatures of logins by SHA-2", "sha1-login", "a password works; an RSA key is refused,"
         " and the error says what to do", job=tidy),
    Case("connect", "an SFTP session for the login", "no-sftp", "refused", FatalError, "opens no SFTP session"),
    Case("any", "a stable connection", "drops", "the chunk is retried, then the task; a source's file is reopened at"
         " the same position", RetriableError, "the connection to .* was lost"),
    Case("stat", "`NO_SUCH_FILE` for a missing file", "missing-is-failure", "the folder's listing decides"),
    Case("stat", "`NO_SUCH_FILE` for a missing file", "missing-is-denied", "the same"),
    Case("stat", "an answer", "no-stat", "the folder's listing gives the size"),
    Case("stat", "an answer, or a listing", "no-stat,no-list", "refused", FatalError, "permission denied"),
    Case("stat", "a size", "no-sizes", "the error names `check_size: false`", FatalError,
         "does not report file sizes.*check_size: false", {"check_size": False}, write_only),
    Case("stat", "a time, for a source's files", "no-times", "a rewritten file is detected by its size and its"
         " footer only"),
    Case("mkdir", "nothing: writing the file shows it", "mkdir-denied", "no effect"),
    Case("mkdir", "success, if the folder is missing", "no-mkdir", "refused; declare `make_folders: false` if another"
         " system creates the folders", FatalError, "permission denied"),
    Case("open", "names that start with a dot", "no-dots", "the error names `rename: false`", FatalError,
         "start with a dot, declare `rename: false`", IN_PLACE),
    Case("write", "no block size: asyncssh sends what `limits` allows, or 32 kB", "small-writes", "no effect"),
    Case("write", "a code for a full disk, or exactly that text", "full", "retried; the error says what to check",
         RetriableError, "check the disk and the log"),
    Case("write", "success", "write-fails", "retried; nothing is left behind", RetriableError,
         "the server answered ``"),
    Case("write", "that the server stores what was sent", "flips-a-byte", "detected only with `verify: read-back`",
         job=write_only),
    Case("close", "success: servers with a quota may refuse here", "close-fails", "retried; nothing is left behind",
         RetriableError, "the server answered `quota`"),
    Case("close", "that the file stays", "take-at-once", "the error names `check_size: false` and `rename: false`",
         FatalError, "declare `check_size: false`", {"check_size": False, "rename": False}, write_only),
    Case("rename", "the extension `posix-rename`", "no-posix-rename", "the existing file is removed first"),
    Case("rename", "that the extension works if it is announced", "posix-rename-failure", "the same"),
    Case("rename", "that a file is replaced", "rename-onto-fails", "the same"),
    Case("rename", "success", "no-rename", "the error names `rename: false`; the existing file stays", FatalError,
         "cannot rename, declare `rename: false`", IN_PLACE),
    Case("rename", "success", "rename-unsupported", "the same", FatalError, "cannot rename, declare `rename: false`",
         IN_PLACE),
    Case("remove", "`NO_SUCH_FILE` if it is gone", "missing-is-failure,no-posix-rename", "its absence is checked; no"
         " error",
         job=tidy),
    Case("remove", "success, if a run was aborted", "no-delete", "runs deliver; files that they would"
         " remove stay, with an error", job=replace_only),
    Case("listdir", "success, only to find unfinished files", "no-list", "runs deliver, and look files up by name",
         job=deliver),
    Case("listdir", "types", "no-types", "each entry is checked separately", job=tidy),
    Case("read", "any number of bytes", "short-reads", "the rest is requested again"),
    Case("read", "at least one byte before the end", "empty-reads", "retried; no gap is passed on",
         RetriableError, "bytes arrived"),
    Case("setstat", "nothing: it is not used", "no-setstat", "no effect", job=tidy),
    Case("extensions", "`limits` and `posix-rename`, both optional; no `fsync`, no `statvfs`", "no-extensions",
         "no effect", job=tidy),
    Case("realpath", "an answer, for sources and staging", "no-realpath", "paths are used unchanged; a link is"
         " refused, because its target is unknown", job=tidy),
)  # fmt: skip


@contextmanager
def served(fleet: Fleet, tmp_path: Path, *quirks: str, **connection: Any) -> Iterator[tuple[SftpServer, str]]:
    """A server, and the Airflow connection to it."""
    with quirky(tmp_path, *quirks) as server:
        yield server, fleet.connect("quirky", server.connection(**connection))


def opened(fleet: Fleet, conn_id: str, **declared: Any) -> Destination:
    config = {"type": "sftp", "airflow_conn_id": conn_id, "retry_for": "1s", "folder": "in"} | declared
    return DESTINATIONS["sftp"].model_validate(config).open(fleet, name="acme", threads=2)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_comes_of_an_answer(case: Case, fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, *case.quirks.split(",")) as (server, conn_id):
        job = case.job or deliver
        if case.error is None:
            _done(job, opened(fleet, conn_id))
        else:
            with pytest.raises(case.error) as refused:
                _done(job, opened(fleet, conn_id))
            assert re.search(case.text, refused.value.page().replace("\n", " ")), refused.value.page()
            assert not list(server.folder.rglob(".*.partial")), "nothing is left"
        if case.way_out:
            _done(job, opened(fleet, conn_id, folder="out", **case.way_out))


def _done(job: Callable[[Destination], None], destination: Destination) -> None:
    try:
        job(destination)
    finally:
        destination.close()


def test_another_byte_of_the_same_size_is_seen_if_files_are_read_back(fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, "flips-a-byte") as (server, conn_id):
        _done(lambda at: at.put("one", [FIRST]) and None, opened(fleet, conn_id))
        assert (server.folder / "in" / "one").read_bytes() != FIRST, "a size alone does not show it"
        with pytest.raises(RetriableError, match="the data read back differs from what was sent"):
            _done(lambda at: at.put("two", [FIRST]) and None, opened(fleet, conn_id, verify="read-back"))
        assert not (server.folder / "in" / "two").exists()
    (tmp_path / "honest").mkdir()
    with served(fleet, tmp_path / "honest") as (server, conn_id):
        _done(tidy, opened(fleet, conn_id, verify="read-back"))


def test_what_is_moved_away_cannot_be_read_back() -> None:
    declared = {"type": "sftp", "airflow_conn_id": "x", "check_size": False, "verify": "read-back"}
    with pytest.raises(ValidationError, match="`verify: read-back` reads files that `check_size: false` says are gone"):
        DESTINATIONS["sftp"].model_validate(declared)


def test_what_is_there_stays_if_nothing_can_come_in_its_place(fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, "take-at-once", "no-posix-rename") as (server, conn_id):
        (server.folder / "in").mkdir()
        (server.folder / "in" / "one").write_bytes(b"old")
        with pytest.raises(FatalError, match="rename to in/one: there is no such file"):
            _done(lambda at: at.put("one", [b"new"]) and None, opened(fleet, conn_id, check_size=False))
        assert (server.folder / "in" / "one").read_bytes() == b"old"


ROWS = pa.table({"id": range(100)})
DECLARED = {
    "catalog/datasets.yaml": "rows: {kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: rows}}",
    "exports/all.yaml": "{kind: dataset-export, connection: out, datasets: [rows], mode: full, chunks: {records: 30}}",
}
IN_TURN = "rename: false, connections: 1"


@pytest.mark.parametrize(
    ("quirks", "declared"),
    [
        ("no-list,no-delete", "type: sftp"),
        ("no-rename,no-dots,one-connection", "type: sftp, rename: false, connections: 1"),
    ],
)
def test_a_run_needs_no_more_than_the_probe(quirks: str, declared: str, fleet: Fleet, tmp_path: Path) -> None:
    """A delivery from SFTP to SFTP; what is given up is in its report."""
    with served(fleet, tmp_path, *quirks.split(","), extra={"no_host_key_check": True}) as (server, conn_id):
        lake = fleet.connect("lake_there", fleet.asyncssh.connection(extra={"legacy_algorithms": True}))
        world = World(tmp_path / "world", extra={"quirky": fleet.get(conn_id), "lake": fleet.get(lake)})
        world.declare(DECLARED | {"connections/out.yaml": f"{{{declared}, airflow_conn_id: quirky, folder: drop}}"})
        (fleet.asyncssh.folder / "rows").mkdir(exist_ok=True)
        pq.write_table(ROWS, fleet.asyncssh.folder / "rows" / "1.parquet")
        report = world.run("all")
        assert (report.outcome, report.records) == ("published", 100)
        assert len(list(server.folder.rglob("*.json*"))) == 5, "four parts, and the manifest"
        sent = world.extract("all", "manual__2")
        world.upload(sent)
        if "no-delete" in quirks:
            with pytest.raises(FatalError, match=r"remove .*: permission denied"):
                world.abort(sent)
        else:
            assert world.abort(sent).removed == 4
    assert [warning.split(" (")[0].removeprefix("the Airflow connection ") for warning in report.warnings] == [
        "lake allows SHA-1",
        "quirky does not check the server's host key",
    ]


def checked(fleet: Fleet, conn_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], **declared: Any) -> str:
    """What `sluice check --connect acme` says of it."""
    include = tmp_path / "include"
    for folder in ("connections", "exports"):
        (include / folder).mkdir(parents=True, exist_ok=True)
    config = {"type": "sftp", "airflow_conn_id": conn_id, "folder": "in", "retry_for": "1s", **declared}
    (include / "connections" / "acme.yaml").write_text(json.dumps(config))
    main(["check", "--include", str(include), "--connect", "acme"])
    printed = capsys.readouterr()
    return printed.out + printed.err


@pytest.mark.parametrize(
    ("quirks", "said"),
    [
        ("no-list", "acme: delivers; wrote, read and removed sftp://"),
        (
            "no-list,no-delete",
            "the next check finds it; without this permission, parts of failed runs stay at the destination",
        ),
        ("no-rename", "acme: does not deliver"),
        ("one-connection", "declare `connections: 1`"),
        ("close-fails", "acme: does not deliver"),
    ],
)
def test_the_probe_tries_what_a_run_needs(
    quirks: str, said: str, fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(fleet, tmp_path, *quirks.split(",")) as (server, conn_id):
        for _ in range(2):
            assert said in checked(fleet, conn_id, tmp_path, capsys)
        left = {path.name for path in server.folder.rglob("*") if path.is_file()}
        assert left <= {"sluice-probe.txt"}, "one file at most, and always the same"


def test_what_is_given_up_is_said(fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(fleet, tmp_path, "sha1-mac", extra={"no_host_key_check": True, "legacy_algorithms": True}) as (_, conn):
        said = checked(fleet, conn, tmp_path, capsys)
    assert "warning: the Airflow connection quirky does not check the server's host key (`no_host_key_check`)" in said
    assert "warning: the Airflow connection quirky allows SHA-1 (`legacy_algorithms`)" in said
    assert "0 errors, 2 warnings" in said
    assert "acme: delivers" in said


STAGES = ("missing-is-failure", "missing-is-denied", "mkdir-denied", "no-posix-rename", "posix-rename-failure",
          "rename-onto-fails", "no-types", "no-times", "no-setstat", "no-realpath", "no-extensions", "short-reads",
          "small-writes", "one-connection")  # fmt: skip


@pytest.mark.parametrize("quirk", STAGES)
def test_staging_holds_all_the_same(quirk: str, fleet: Fleet, tmp_path: Path) -> None:
    """A file that is created only if it is absent is created once, and whole."""
    with served(fleet, tmp_path, quirk) as (_, conn_id):
        probe_staging(fleet, conn_id, "a/staging")
        opened = open_filesystem(fleet, conn_id, "a/staging")
        bodies = [b"%d" % number * 40_000 for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            created = list(pool.map(lambda body: opened.create("log/1/entry", body), bodies))
        assert created.count(True) == 1
        assert opened.read_bytes("log/1/entry") == bodies[created.index(True)]
        for body in (FIRST, SECOND):
            opened.write_bytes("b/one", body)
        assert opened.read_bytes("b/one") == SECOND
        assert [file.name for file in opened.list()] == ["b/one", "log/1/entry"]
        opened.remove_tree("log")
        opened.remove(["b/one", "b/none"])
        assert opened.list() == []


def test_staging_needs_a_server_that_renames(fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, "no-rename") as (_, conn_id), pytest.raises(FatalError) as refused:
        probe_staging(fleet, conn_id, "staging")
    assert "staging needs a server that can rename folders" in refused.value.next_step


def test_a_source_goes_on_after_a_lost_connection(fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, "drops") as (server, conn_id):
        (server.folder / "rows.bin").write_bytes(SECOND)
        with open_filesystem(fleet, conn_id, "", read_only=True).open_input("rows.bin") as file:
            begin = file.read(1_000_000)
            assert begin + file.read(800_000) == SECOND


def test_a_source_that_changes_meanwhile_is_not_mixed(fleet: Fleet, tmp_path: Path) -> None:
    with served(fleet, tmp_path, "drops") as (server, conn_id):
        (server.folder / "rows.bin").write_bytes(SECOND)
        with open_filesystem(fleet, conn_id, "", read_only=True).open_input("rows.bin") as file:
            file.read(1_000_000)
            (server.folder / "rows.bin").write_bytes(FIRST)
            with pytest.raises(RetriableError, match="was lost"):
                file.read(800_000)


WORDS = "lake/404/permission denied/no such file/AccessDenied/timed out"


@pytest.mark.parametrize(("quirk", "error"), [("write-fails", RetriableError), ("close-fails", RetriableError)])
def test_names_made_of_errors_words_decide_nothing(
    quirk: str, error: type[SluiceError], fleet: Fleet, tmp_path: Path
) -> None:
    with served(fleet, tmp_path, quirk) as (_, conn_id):
        with pytest.raises(error) as refused:
            _done(write_only, opened(fleet, conn_id, folder=WORDS))
        assert type(refused.value) is error
        with pytest.raises(error) as refused:
            open_filesystem(fleet, conn_id, WORDS).write_bytes("no space left on device", FIRST)
        assert type(refused.value) is error
        assert "the disk is full" not in refused.value.page()


def test_a_permission_is_no_outage_whatever_the_name(fleet: Fleet, tmp_path: Path) -> None:
    with (
        served(fleet, tmp_path, "no-list", "no-stat") as (_, conn_id),
        pytest.raises(FatalError, match="permission den"),
    ):
        open_filesystem(fleet, conn_id, "lake/connection reset/timeout/503").list()


def test_the_page_shows_them(request: pytest.FixtureRequest) -> None:
    rows = ["| verb | Sluice relies on | a server that | result |", "| --- | --- | --- | --- |"]
    for case in CASES:
        answer = "; ".join(QUIRKS[quirk] for quirk in case.quirks.split(","))
        rows.append(f"| {case.verb} | {case.relies} | {answer} | {case.comes} |")
    if request.config.getoption("--update", default=False):
        DOCS.write_text(filled(DOCS.read_text(), "answers", "\n".join(rows)))
    assert block(DOCS.read_text(), "answers").strip().splitlines() == rows


def test_every_quirk_is_tried() -> None:
    assert {quirk for case in CASES for quirk in case.quirks.split(",")} == QUIRKS.keys()
