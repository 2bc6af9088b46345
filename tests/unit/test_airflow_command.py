"""`sluice airflow` becomes Airflow's command, in the environment of the Airflow that runs the exports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import LOOPBACK, free_port
from sluice.airflow.local import Local

ROOT = Path(__file__).parents[2]
AIRFLOW = """
import json, os, sys
print(json.dumps([sys.argv[1:], {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW")}]))
sys.exit(7)
"""
"""Airflow's command, which says what it was given."""
SLUICE = """
import os, sys, sluice.where
os.chdir(sys.argv.pop(1))
sluice.where.CHECKOUT = sluice.where.Path.cwd()
from sluice.cli import main
sys.exit(main())
"""


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"http://{LOOPBACK}:{server.getsockname()[1]}"


def sluice(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    (folder / "airflow").mkdir(exist_ok=True)
    (folder / "airflow" / "__init__.py").touch()
    (folder / "airflow" / "__main__.py").write_text(AIRFLOW)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SLUICE"))}
    env |= {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")]), **environment}
    argv = [sys.executable, "-c", SLUICE, str(folder), "airflow", *words]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def record(folder: Path, url: str) -> None:
    variables = {"AIRFLOW_HOME": "/local", "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")])}
    (folder / ".local" / "run").mkdir(parents=True)
    (folder / ".local" / "run" / "address").write_text(Local(url, "admin", "x", "/include", variables).text())


WORDS = ("dags", "trigger", "export__x", "--conf", '{"a": -1}', "-h")


@pytest.mark.slow
def test_the_local_one_gets_the_words_and_gives_its_status(tmp_path: Path, listening: str) -> None:
    record(tmp_path, listening)
    other = {"AIRFLOW_HOME": "/another", "AIRFLOW_CONN_LAKE": "fs://"}
    status, said, problems = sluice(tmp_path, *WORDS, **other)
    assert (status, problems) == (7, "")
    assert said == '[["dags", "trigger", "export__x", "--conf", "{\\"a\\": -1}", "-h"], {"AIRFLOW_HOME": "/local"}]'


@pytest.mark.slow
def test_where_no_local_one_runs_it_is_the_environment_s(tmp_path: Path) -> None:
    status, said, problems = sluice(tmp_path, "--help", AIRFLOW_HOME="/deployed", AIRFLOW_CONN_LAKE="fs://")
    assert (status, problems) == (7, "")
    assert said == '[["--help"], {"AIRFLOW_HOME": "/deployed", "AIRFLOW_CONN_LAKE": "fs://"}]'
    (tmp_path / ".local").mkdir()
    status, _, problems = sluice(tmp_path, "--help")
    assert (status, problems) == (7, "the local Airflow is not running; this is the Airflow of ~/airflow")


@pytest.mark.slow
def test_a_local_one_that_was_killed_is_not_spoken_to(tmp_path: Path) -> None:
    record(tmp_path, f"http://{LOOPBACK}:{free_port(0)}")
    status, said, problems = sluice(tmp_path, "dags", "list")
    assert (status, said) == (1, "")
    assert "nothing answers there" in problems
    assert "make up" in problems


PARSER = """
import json, os, sys
from argparse import Namespace

class Parser:
    def parse_args(self, words):
        return Namespace(words=words, func=add)

def add(args):
    print(args.words)
    shown = open("/proc/self/cmdline").read() if os.path.exists("/proc/self/cmdline") else ""
    with open(os.environ["SEEN"], "w") as seen:
        json.dump([args.words, shown + " ".join(sys.argv)], seen)

def get_parser():
    return Parser()
"""
"""Airflow's parser of commands, which writes down what it is given, and what other processes and its log see."""


@pytest.mark.slow
def test_secrets_of_a_new_connection_are_in_no_argument_and_not_on_the_screen(tmp_path: Path) -> None:
    (tmp_path / "airflow" / "cli").mkdir(parents=True)
    (tmp_path / "airflow" / "cli" / "__init__.py").touch()
    (tmp_path / "airflow" / "cli" / "cli_parser.py").write_text(PARSER)
    words = ("connections", "add", "c", "--conn-login", "@KEY", "--conn-extra", '{"a": "@EXTRA", "b": "@b"}')
    secrets = {"KEY": "open sesame", "EXTRA": 'quo"ted'}

    status, out, err = sluice(tmp_path, *words, SEEN=str(tmp_path / "seen"), **secrets)

    assert (status, out) == (0, "the connection is stored"), err
    given, shown = json.loads((tmp_path / "seen").read_text())
    assert given == ["connections", "add", "c", "--conn-login", "open sesame", "--conn-extra", given[-1]]
    assert json.loads(given[-1]) == {"a": 'quo"ted', "b": "@b"}
    assert not any(secret in shown for secret in secrets.values())


@pytest.mark.slow
def test_at_signs_of_other_commands_stay(tmp_path: Path) -> None:
    status, out, _ = sluice(tmp_path, "users", "create", "--email", "@KEY", KEY="open sesame")

    assert (status, json.loads(out)[0]) == (7, ["users", "create", "--email", "@KEY"])
