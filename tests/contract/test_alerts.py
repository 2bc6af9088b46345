"""Notices to a real web server and a real mail server."""

from __future__ import annotations

import email
import email.policy
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.airflow.alerts import send
from sluice.alerts.notices import News, Notice
from sluice.cli import main
from sluice.definition.models.alerts import Alert
from sluice.errors import DefinitionError, RetriableError
from tests.servers import receivers
from tests.servers.folders import folder_connection
from tests.servers.process import free_port
from tests.servers.receivers import Mailbox, Webhook

NOTICE = Notice.of(
    "failed",
    News("orders", "manual__1", "failed", "<drop> & co\n  next: make it\n{{ conn.ops.password }}", "http://airflow/r"),
)
SECRET = "T0/B0/sEcReT"


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with receivers.webhook() as server:
        host = f"http://127.0.0.1:{server.server_port}/hooks"
        connection = {"conn_type": "http", "host": host, "password": SECRET, "extra": {"X-Team": "crm"}}
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(connection))
        yield server


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receivers.mailbox() as box:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "sluice@example.com", "retry_limit": 1}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(connection))
        yield box


def test_a_webhook_gets_the_notice_as_json(webhook: Webhook) -> None:
    send(Alert(to="ops"), NOTICE)
    ((path, headers, body),) = webhook.got
    assert path.rstrip("/") == f"/hooks/{SECRET}"
    assert headers["X-Team"] == "crm"
    assert body == NOTICE.model_dump(mode="json")
    assert body["text"].startswith("orders has failed\n  run: manual__1\n  <drop> & co")
    assert "{{ conn.ops.password }}" in body["text"], "what an error quotes is text, and no template of Airflow's"


def test_mail_gets_the_notice_as_a_page(mailbox: Mailbox) -> None:
    send(Alert(to="mail", email=("a@example.com", "b@example.com")), NOTICE)
    (envelope,) = mailbox.got
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (message["Subject"], message["From"]) == ("Sluice: orders has failed", "sluice@example.com")
    text = next(part for part in message.walk() if part.get_content_type() == "text/html").get_content()
    assert "&lt;drop&gt; &amp; co" in text


def test_a_server_that_refuses_is_named_and_its_address_is_not(webhook: Webhook) -> None:
    webhook.status = 500
    with pytest.raises(RetriableError, match="connection ops could not send the notice `orders has failed`") as caught:
        send(Alert(to="ops"), NOTICE)
    assert SECRET not in caught.value.page()
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_named_and_no_log_has_its_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow's hook logged it."""
    caplog.set_level(logging.DEBUG)
    connection = {"conn_type": "http", "host": f"127.0.0.1:{free_port()}", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(connection))
    with pytest.raises(RetriableError, match="connection ops could not send the notice") as caught:
        send(Alert(to="ops"), NOTICE)
    assert "sEcReT" not in caplog.text + "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_both_hosts_are_named(webhook: Webhook, status: int) -> None:
    with receivers.webhook() as other:
        webhook.status = status
        webhook.location = f"http://localhost:{other.server_port}/stolen?{SECRET}"
        with pytest.raises(
            RetriableError, match=r"127\.0\.0\.1 redirects to localhost: redirects are not followed"
        ) as caught:
            send(Alert(to="ops"), NOTICE)
        assert "sEcReT" not in caught.value.page()
        assert other.got == []


@pytest.mark.parametrize(
    ("given", "path", "sent"),
    [
        ({"host": "{there}", "password": SECRET}, f"/{SECRET}", None),
        ({"host": "{there}/hooks/", "password": f"/{SECRET}?sig=x"}, f"/hooks/{SECRET}?sig=x", None),
        ({"password": "{there}/" + SECRET}, f"/{SECRET}", None),
        ({"host": "127.0.0.1", "port": "{port}", "schema": "http", "password": SECRET}, f"/{SECRET}", None),
        ({"host": "{there}/n", "login": "u", "password": "pass word"}, "/n", "Basic dTpwYXNzIHdvcmQ="),
        ({"host": "{there}/n", "extra": {"Authorization": "Bearer t"}}, "/n", "Bearer t"),
    ],
)
def test_the_secret_stands_in_the_password_or_the_extra(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], path: str, sent: str | None
) -> None:
    port = str(webhook.server_port)
    text = json.dumps({"conn_type": "http"} | given)
    monkeypatch.setenv("AIRFLOW_CONN_OPS", text.replace("{there}", f"http://127.0.0.1:{port}").replace("{port}", port))
    send(Alert(to="ops"), NOTICE)
    ((called, headers, _),) = webhook.got
    assert called == path
    assert headers.get("Authorization") == sent


def test_the_secret_is_masked_in_every_log(webhook: Webhook) -> None:
    from airflow.sdk.log import redact

    send(Alert(to="ops"), NOTICE)
    assert redact(f"POST http://x/{SECRET}") == "POST http://x/***"


def test_a_secret_in_the_host_is_sent_and_warned_of(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow neither encrypts nor masks a host."""
    host = f"http://127.0.0.1:{webhook.server_port}/services/{SECRET}"
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps({"conn_type": "http", "host": host}))
    send(Alert(to="ops"), NOTICE)
    assert len(webhook.got) == 1
    assert "the Airflow connection ops has the path of its webhook in its host" in caplog.text
    assert "sEcReT" not in caplog.text


@pytest.mark.parametrize("host", ["", "ftp://x", "http://", "http://[::1", "http://x:port"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_OPS", json.dumps({"conn_type": "http", "host": host, "password": SECRET, "port": 1})
    )
    with pytest.raises(DefinitionError, match=r"connection ops .* has no host that is an address") as caught:
        send(Alert(to="ops"), NOTICE)
    assert "sEcReT" not in caught.value.page()


def test_mail_to_nobody_and_connections_that_carry_nothing_are_refused(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DefinitionError, match="go by mail through mail, but have no recipient"):
        send(Alert(to="mail"), NOTICE)
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "fs"}))
    with pytest.raises(DefinitionError, match=r"of type fs, which cannot send alerts\n  known: http, smtp"):
        send(Alert(to="lake"), NOTICE)
    with pytest.raises(DefinitionError, match="there is no Airflow connection nowhere"):
        send(Alert(to="nowhere"), NOTICE)
    assert mailbox.got == []


def test_check_connect_says_which_alerts_would_go_nowhere(
    mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/datasets.yaml").write_text(
        "people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}"
    )
    (tmp_path / "connections").mkdir()
    (tmp_path / "connections/out.yaml").write_text("{type: local, airflow_conn_id: out}")
    monkeypatch.setenv("AIRFLOW_CONN_OUT", folder_connection(tmp_path / "out"))
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/people.yaml").write_text(
        "{kind: dataset-export, connection: out, datasets: [people], mode: full, schedule: 'off',"
        " alerts: [{to: mail, email: [a@example.com]}, {to: gone}]}"
    )
    assert main(["check", "--include", str(tmp_path), "--connect"]) == 1
    printed = capsys.readouterr()
    assert "mail a@example.com: can send alerts, through a connection of type smtp; none was sent" in printed.out
    assert "gone: cannot send alerts\nthere is no Airflow connection gone for the alerts of people" in printed.err
    assert mailbox.got == []
