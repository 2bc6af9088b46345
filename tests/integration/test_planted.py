"""Secrets of connections and values of rows that fail are planted, and searched for wherever others may read.

The values are in rows alone: expressions make them of other texts. Staging's quarantine and the deliveries hold rows,
as they should, and Airflow's own table of connections holds secrets, encrypted.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from local.ports import free_port
from sluice.airflow.local import Local
from sluice.cli import main
from tests.integration.stack import Stack
from tests.servers import receivers
from tests.servers.receivers import Mailbox, Webhook

VALUE = "zyxw"
"""Begins a value of each row of the exports `planted_...`."""
FAIL, DELIVER = ("planted_cast", "planted_text", "planted_sas"), "planted_well"
TOKEN = "T0PLANTED/hook-5fe1"
PASSWORD, KEY, SALT, MAIL = "planted-password-88c1", "plantedSecretKey/9d02", "planted-salt-3c7e", "planted-mail-41aa"
SIGNATURE = "cGxhbnRlZC1zaWduYXR1cmU%3D"
SECRETS = (TOKEN, PASSWORD, KEY, SALT, MAIL, SIGNATURE)
PLANTED = [*SECRETS, VALUE]

Sluice = Callable[..., str]


def connections(webhook: Webhook, mailbox: Mailbox) -> dict[str, dict[str, Any]]:
    nowhere = f"127.0.0.1:{free_port(0)}"
    sas = f"http://{nowhere}/acc/inbound?sv=2024-01-01&se=2099-01-01T00:00:00Z&sr=c&sp=rwdl&sig={SIGNATURE}"
    mail = {"disable_ssl": True, "disable_tls": True, "from_email": "sluice@example.com", "retry_limit": 1}
    key = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
    host, _, port = nowhere.partition(":")
    s3 = {"endpoint_url": f"http://{nowhere}", "region_name": "eu-west-1"}
    return {
        "planted_webhook": {
            "conn_type": "http",
            "host": f"http://127.0.0.1:{webhook.server_port}",
            "password": TOKEN,
        },
        "planted_mail": {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": mailbox.port,
            "password": MAIL,
            "extra": mail,
        },
        "planted_salt": {"conn_type": "generic", "password": SALT},
        "planted_sas": {"conn_type": "wasb", "extra": {"sas_token": sas}},
        "planted_s3": {"conn_type": "aws", "login": "AKIAPLANTED", "password": KEY, "extra": s3},
        "planted_sftp": {
            "conn_type": "sftp",
            "host": host,
            "port": int(port),
            "login": "drop",
            "password": PASSWORD,
            "extra": {"host_key": key},
        },
    }


@pytest.fixture(scope="module")
def receiving() -> Iterator[tuple[Webhook, Mailbox]]:
    with receivers.webhook() as webhook, receivers.mailbox() as mailbox:
        yield webhook, mailbox


@pytest.fixture(scope="module")
def planted(stack: Stack, receiving: tuple[Webhook, Mailbox]) -> dict[str, dict[str, Any]]:
    """The connections, which Airflow has too."""
    made = connections(*receiving)
    for name, connection in made.items():
        extra = json.dumps(connection["extra"]) if "extra" in connection else None
        stack.rest.post("connections", {**connection, "connection_id": name, "extra": extra})
    return made


@pytest.fixture(scope="module")
def sluice(
    stack: Stack, planted: Mapping[str, Mapping[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sluice]:
    """All that a command prints."""

    def run(*words: str) -> str:
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            main(list(words))
        return printed.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(stack.project(tmp_path_factory.mktemp("planted") / "project"))
        patch.setenv("SLUICE_INCLUDE", str(stack.layout.include))
        patch.setenv("SLUICE_HOME", str(stack.root))
        for name, connection in planted.items():
            patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
        yield run


@pytest.fixture(scope="module")
def waited(stack: Stack, sluice: Sluice) -> str:
    """What the command says that has started the exports, once they have ended as they should."""
    stack.refreshed()
    for name in (*FAIL, DELIVER):
        stack.wait_for_dag(f"export__{name}")
    said = sluice("run", *FAIL, DELIVER, "--wait")
    assert re.search(rf"{DELIVER}: [\d,]+ records in", said), said
    assert said.count("has failed\n") == len(FAIL)
    return said


def found_in(text: str) -> list[str]:
    return [one for one in PLANTED if one in text]


def test_no_log_and_no_staging_holds_what_was_planted(stack: Stack, waited: str) -> None:
    logs, staging = stack.layout.home, stack.root / "staging"
    files = [path for path in (*logs.rglob("*.log"), *staging.rglob("*")) if path.is_file()]
    assert any("planted_cast" in str(path) for path in files), "the runs have left their logs"
    assert [path for path in staging.rglob("quarantine/**/*.parquet") if DELIVER in str(path)], "rows were rejected"
    holding = {}
    for path in files:
        if "quarantine" not in path.parts and (found := found_in(path.read_text(errors="replace"))):
            holding[str(path)] = found
    assert holding == {}


def test_the_metadata_database_holds_none_of_it(stack: Stack, waited: str) -> None:
    """XComs, rendered fields, notes, events, states, serialized DAGs: every column of every table, as text."""
    variables = Local.read(stack.layout.run / "address").variables
    address = variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2", "postgresql")
    holding = {}
    with psycopg2.connect(address) as database, database.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        assert {"xcom", "rendered_task_instance_fields", "connection", "serialized_dag"} <= set(tables)
        for name in tables:
            row = sql.SQL("select count(*) from {} as one where one::text like any(%s)").format(sql.Identifier(name))
            cursor.execute(row, [[f"%{planted}%" for planted in PLANTED]])
            if count := cursor.fetchone()[0]:
                holding[name] = count
        cursor.execute("select count(*) from xcom where xcom::text like '%planted!_%' escape '!'")
        assert cursor.fetchone()[0], "there are XComs of these runs"
    assert holding == {}


def test_no_notice_holds_it(stack: Stack, waited: str, receiving: tuple[Webhook, Mailbox]) -> None:
    webhook, mailbox = receiving
    stack.until("the notices of the web server", lambda: len(webhook.got) >= len(FAIL))
    stack.until("those by mail", lambda: len(mailbox.got) >= len(FAIL))
    assert {body["export"] for _, _, body in webhook.got} >= set(FAIL)
    assert all(path.rstrip("/") == f"/{TOKEN}" for path, _, _ in webhook.got), "and the token was sent"
    said = [json.dumps([headers, body]) for _, headers, body in webhook.got]
    said += [envelope.content.decode() for envelope in mailbox.got]
    assert [found_in(text) for text in said] == [[]] * len(said)


def test_no_command_prints_it(planted: dict[str, dict[str, Any]], waited: str, sluice: Sluice) -> None:
    [manifest] = re.findall(r"\S+/manifest-\S+\.json", waited)
    exports = [*FAIL, DELIVER]
    commands = [
        ("check", "--connect"),
        *(("report", name) for name in exports),
        ("report", DELIVER, "--json"),
        ("verify", manifest),
        *(("plan", name) for name in exports),
        ("path", DELIVER),
        ("clean", "planted_sas"),
        ("list",),
        ("list", "--json"),
        ("pools",),
        ("schedule", DELIVER, "--daily", "06:00", "--end", "2030-01-01", "--dry-run"),
        ("backfill", "purchases", "--from", "1998-01-01", "--to", "1998-01-03", "--dry-run"),
        *(("deliver", name) for name in exports),
        ("preview", "planted_cast"),
        *(("discover", name) for name in planted),
    ]
    said = {"run": waited} | {" ".join(words): sluice(*words) for words in commands}
    assert {words: found for words, text in said.items() if (found := found_in(text))} == {}
    for name in ("planted-s3", "planted-sas", "planted-sftp"):
        assert f"{name}: does not deliver" in said["check --connect"]
    assert ": 0 differences" in said[f"verify {manifest}"]
    assert "published" in said[f"deliver {DELIVER}"]
    assert "retries" not in waited, "nothing retries a run that has failed"


def test_a_preview_shows_rows_and_no_secret(waited: str, sluice: Sluice) -> None:
    shown = sluice("preview", DELIVER)
    assert VALUE in shown, waited
    assert not [secret for secret in SECRETS if secret in shown]
