"""The embedded database: a real server, started and stopped."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from local import postgres
from local.layout import Layout
from local.place import CONFIGURATION, SHARED, place_of, programs
from local.process import Process


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(home=tmp_path / "home")
    yield layout
    if (layout.run / "postgres.json").exists():
        postgres.stop(server(layout))


def server(layout: Layout) -> Process:
    return Process.recorded(layout.run / "postgres.json")


def ask(url: str, question: str, *, password: str | None = None) -> list[tuple[str, ...]]:
    parts = urlsplit(url)
    connection = psycopg2.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=password or parts.password,
        dbname=parts.path[1:],
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


@pytest.mark.slow
def test_data_outlives_the_server(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    postgres.stop(server(layout))
    assert not (layout.run / "postgres.json").exists()
    assert ask(postgres.start(layout), "select word from kept") == [("here",)]


@pytest.mark.slow
def test_only_the_password_opens_it_and_only_here(layout: Layout) -> None:
    url = postgres.start(layout)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(url, "select 1", password="guessed")
    assert ask(url, "show listen_addresses") == [("127.0.0.1",)]
    assert oct((layout.postgres / "password").stat().st_mode & 0o777) == "0o600"


@pytest.mark.slow
def test_it_comes_back_after_it_was_killed(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    ask(url, "checkpoint")  # what was written in the last moments may go with the server
    os.kill(server(layout).pid, signal.SIGKILL)
    server(layout).stop()
    assert ask(postgres.start(layout), "select word from kept") == [("here",)]


@pytest.mark.slow
def test_its_lock_may_name_a_process_that_is_somebody_elses_by_now(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    ask(url, "checkpoint")
    killed = server(layout)
    os.kill(killed.pid, signal.SIGKILL)
    killed.stop()
    place = place_of(layout.postgres)
    lock = place.data / "postmaster.pid"
    same_user = place.id if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=same_user) as stranger:
        lock.write_text(lock.read_text().replace(str(killed.pid), str(stranger.pid), 1))
        try:
            assert ask(postgres.start(layout), "select word from kept") == [("here",)]
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.slow
def test_an_interrupted_making_is_made_again(layout: Layout) -> None:
    half_made = place_of(layout.postgres).folder / "unfinished"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    assert ask(postgres.start(layout), "select 'up'") == [("up",)]
    assert not half_made.exists()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to somebody else")


@pytest.mark.slow
@as_root
def test_as_root_it_runs_as_nobody_else_below_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    layout = Layout(home=closed / "home")
    url = postgres.start(layout)
    try:
        assert ask(url, "select 'up'") == [("up",)]
        place = place_of(layout.postgres)
        status = Path(f"/proc/{server(layout).pid}/status").read_text()
        assert f"Uid:\t{place.id}\t{place.id}\t{place.id}\t{place.id}\n" in status
        assert re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\t(\w+)", status) == ["0" * 16] * 4, "no right of root's is kept"
        assert "NoNewPrivs:\t1" in status
        assert oct(closed.stat().st_mode & 0o777) == "0o700", "and no folder was opened for it"
    finally:
        postgres.stop(server(layout))


@pytest.mark.slow
@as_root
def test_no_other_user_reads_the_data_or_changes_who_is_let_in(layout: Layout) -> None:
    """It ran as `nobody`, who owned both: any process of `nobody` could change who is let in, and read every secret."""
    url = postgres.start(layout)
    place = place_of(layout.postgres)
    files = [*place.data.rglob("*"), *(place.folder / name for name in CONFIGURATION), place.folder / "home"]
    tried = "import os, sys; print(sum(os.access(f, m) for f in sys.stdin.read().split() for m in (os.R_OK, os.W_OK)))"

    def opened_by(user: int, group: int) -> int:
        asked = subprocess.run(
            ["/usr/bin/python3", "-c", tried], input="\n".join(map(str, files)), capture_output=True, text=True,
            check=True, user=user, group=group, extra_groups=[],
        )  # fmt: skip
        return int(asked.stdout)

    assert opened_by(place.id or 0, place.id or 0) > 900
    for name in ("nobody", "daemon"):
        other = pwd.getpwnam(name)
        assert opened_by(other.pw_uid, other.pw_gid) == 0
        killed = subprocess.run(["kill", "-9", str(server(layout).pid)], capture_output=True, check=False, user=name)
        assert killed.returncode, "nor stops it"
    assert {(place.folder / name).stat().st_uid for name in CONFIGURATION} == {0}
    assert {oct((place.folder / name).stat().st_mode & 0o777) for name in CONFIGURATION} == {"0o640"}
    assert ask(url, "show hba_file") == [(str(place.folder / "pg_hba.conf"),)]
    assert not any((place.data / name).exists() for name in CONFIGURATION)
    assert ask(url, "show allow_alter_system") == [("off",)]


@pytest.mark.slow
@as_root
def test_an_id_has_no_name_and_one_database(tmp_path: Path) -> None:
    places = [place_of(tmp_path / name) for name in "abc"]
    assert len({place.id for place in places}) == 3
    assert place_of(tmp_path / "a") == places[0]
    for place in places:
        with pytest.raises(KeyError):
            pwd.getpwuid(place.id or 0)


@pytest.mark.slow
@as_root
def test_the_place_of_a_home_that_was_removed_goes_and_others_stay(tmp_path: Path) -> None:
    gone, kept = place_of(tmp_path / "one/.local/postgres"), place_of(tmp_path / "two/.local/postgres")
    shutil.rmtree(tmp_path / "one/.local")
    place_of(tmp_path / "three")
    assert not gone.folder.exists()
    assert kept.folder.exists()


@pytest.mark.slow
@as_root
def test_data_that_an_earlier_version_left_at_home_moves_in(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    postgres.stop(server(layout))
    place = place_of(layout.postgres)
    for name in CONFIGURATION:
        shutil.move(place.folder / name, place.data / name)
    shutil.move(place.data, layout.postgres / "data")
    shutil.rmtree(place.folder)
    assert ask(postgres.start(layout), "select word from kept") == [("here",)]
    assert not (layout.postgres / "data").exists()


@as_root
def test_programs_below_a_closed_folder_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "install/bin"
    folder.mkdir(parents=True)
    (folder / "postgres").write_text("#!/bin/sh\necho ran\n")
    (folder / "postgres").chmod(0o700)
    monkeypatch.setattr("local.place.SHARED", SHARED / "test")
    try:
        for _ in range(2):
            copy = programs(folder)
        ran = subprocess.run([copy / "postgres"], capture_output=True, text=True, check=True, user="nobody")
        assert ran.stdout == "ran\n"
    finally:
        shutil.rmtree(SHARED / "test")
