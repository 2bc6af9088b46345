"""Alerts on a real scheduler: what a web server gets of a run's end, and of one that is late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.stack import Stack
from tests.servers import receivers
from tests.servers.receivers import Webhook


@pytest.fixture(scope="module")
def webhook(stack: Stack) -> Iterator[Webhook]:
    with receivers.webhook() as server:
        body = {"connection_id": "ops_webhook", "conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}"}
        stack.rest.post("connections", body)
        yield server


def run(stack: Stack, export: str) -> str:
    """A run's end."""
    run_id = stack.trigger(f"export__{export}")
    return stack.wait(f"export__{export}", run_id)


def told(stack: Stack, webhook: Webhook, export: str, count: int) -> list[dict[str, Any]]:
    """What has arrived of an export, once so many notices have."""

    def of_it() -> list[dict[str, Any]]:
        return [body for _, _, body in webhook.got if body["export"] == export]

    stack.until(f"{count} notices of {export}", lambda: len(of_it()) >= count)
    return of_it()


def test_an_export_that_fails_twice_and_recovers_sends_two_notices(stack: Stack, webhook: Webhook) -> None:
    stack.unpause("export__told")
    assert run(stack, "told") == "failed"
    (notice,) = told(stack, webhook, "told", 1)
    assert (notice["event"], notice["subject"]) == ("failed", "told has failed")
    assert "\n    next: " in notice["text"], "the page of the error that ended it"
    assert notice["link"].startswith(f"{stack.rest.url}/dags/export__told/runs/")
    assert run(stack, "told") == "failed"

    folder = stack.root / "lake" / "told"
    folder.mkdir()
    pq.write_table(pa.table({"id": [1, 2, 3]}), folder / "a.parquet")
    assert run(stack, "told") == "success"
    assert [notice["event"] for notice in told(stack, webhook, "told", 2)] == ["failed", "recovered"]


def test_a_run_that_does_not_end_in_time_is_late_and_then_recovered(stack: Stack, webhook: Webhook) -> None:
    stack.unpause("export__tardy")
    assert run(stack, "tardy") == "success"
    notices = told(stack, webhook, "tardy", 2)
    assert [notice["event"] for notice in notices] == ["late", "recovered"]
    assert "it has not finished 1s after it was queued" in notices[0]["text"]


def test_a_skipped_run_is_told_of_with_its_reason(stack: Stack, webhook: Webhook) -> None:
    stack.unpause("export__over")
    assert run(stack, "over") == "success"
    (notice,) = told(stack, webhook, "over", 1)
    assert (notice["event"], notice["subject"]) == ("skipped", "over was skipped")
    assert "ended at 2020-12-31" in notice["text"]
