"""The embedded database: a real server, started and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from local import postgres
from local.layout import Layout
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


def test_data_outlives_the_server(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    postgres.stop(server(layout))
    assert not (layout.run / "postgres.json").exists()
    assert ask(postgres.start(layout), "select word from kept") == [("here",)]


def test_only_the_password_opens_it_and_only_here(layout: Layout) -> None:
    url = postgres.start(layout)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(url, "select 1", password="guessed")
    assert ask(url, "show listen_addresses") == [("127.0.0.1",)]
    assert oct((layout.postgres / "password").stat().st_mode & 0o777) == "0o600"


def test_it_comes_back_after_it_was_killed(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    ask(url, "checkpoint")  # what was written in the last moments may go with the server
    os.kill(server(layout).pid, signal.SIGKILL)
    server(layout).stop()
    assert ask(postgres.start(layout), "select word from kept") == [("here",)]


def test_its_lock_may_name_a_process_that_is_somebody_elses_by_now(layout: Layout) -> None:
    url = postgres.start(layout)
    ask(url, "create table kept as select 'here' as word")
    ask(url, "checkpoint")
    killed = server(layout)
    os.kill(killed.pid, signal.SIGKILL)
    killed.stop()
    lock = layout.postgres / "data" / "postmaster.pid"
    same_user = postgres.UNPRIVILEGED if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=same_user) as stranger:
        lock.write_text(lock.read_text().replace(str(killed.pid), str(stranger.pid), 1))
        try:
            assert ask(postgres.start(layout), "select word from kept") == [("here",)]
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_interrupted_making_is_made_again(layout: Layout) -> None:
    half_made = layout.postgres / "unfinished"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    assert ask(postgres.start(layout), "select 'up'") == [("up",)]
    assert not half_made.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to somebody else")
def test_as_root_it_runs_as_somebody_else_below_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    layout = Layout(home=closed / "home")
    url = postgres.start(layout)
    try:
        assert ask(url, "select 'up'") == [("up",)]
        assert (layout.postgres / "data").owner() == "nobody"
        assert oct(closed.stat().st_mode & 0o777) == "0o700"
    finally:
        postgres.stop(server(layout))
