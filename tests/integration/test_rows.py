"""The care for rows in a real Airflow: a run that is held and released, and a salt that only its connection shows."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest

from tests.integration.cdnow import Cdnow
from tests.integration.stack import Stack
from tests.integration.test_main_job import csv_rows

SALT = "grey-salt-of-guerande-41c7"
EXPORT = """
    kind: segment-export
    connection: drop
    segments: [loyal]
    fields:
      - {field: customer_id, as: WHO, hash: {type: sha256, salt_conn_id: loyal_salt}, required: true}
      - {field: first_purchase, mask: {keep: 4, side: start}}
    unique: {keep: last}
    expect: {max_records: 10, on_breach: hold}
    schedule: "off"
    format: {type: csv}
    """


@pytest.fixture(scope="module")
def held(stack: Stack) -> Iterator[str]:
    """The run of an export that delivers more than it expects, after it has ended."""
    stack.rest.post("connections", {"connection_id": "loyal_salt", "conn_type": "generic", "password": SALT})
    declared = stack.root / "include" / "exports" / "loyal_hashed.yaml"
    declared.write_text(EXPORT)
    stack.refreshed()
    run_id = stack.trigger("export__loyal_hashed")
    assert stack.wait("export__loyal_hashed", run_id) == "failed"
    yield run_id
    declared.unlink()


def test_a_held_run_sends_nothing_and_says_how_to_release_it(stack: Stack, held: str, cdnow: Cdnow) -> None:
    states = {ti["task_id"]: ti["state"] for ti in stack.task_instances("export__loyal_hashed", held)}
    assert (states["extract"], states["upload"], states["publish"]) == ("failed", "upstream_failed", "upstream_failed")
    assert not [name for name in stack.delivered() if "loyal_hashed" in name]
    log = stack.log("export__loyal_hashed", held, "extract")
    count = len(cdnow.buyers(5))
    assert f"loyal: {count:,} records, but `expect.max_records` is 10: the run is held, and nothing is sent" in log
    assert "`sluice run loyal_hashed --release`" in log


def test_a_released_run_delivers_and_its_salt_is_shown_nowhere(stack: Stack, held: str, cdnow: Cdnow) -> None:
    released = stack.trigger("export__loyal_hashed", {"release": True})
    assert stack.wait("export__loyal_hashed", released) == "success"
    report = stack.xcom("export__loyal_hashed", released, "publish")
    assert any(warning.endswith("the operator released the run") for warning in report["warnings"])
    rows = csv_rows(report, "loyal")
    hashes = [hmac.new(SALT.encode(), str(who).encode(), "sha256").hexdigest() for who in sorted(cdnow.buyers(5))]
    assert [row["WHO"] for row in rows] == hashes
    assert {row["first_purchase"][4:] for row in rows} == {"******"}

    folders = (stack.root, stack.layout.home / "logs")
    told = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and SALT.encode() in path.read_bytes()
    ]
    assert told == []
    for run_id in (held, released):
        for ti in stack.task_instances("export__loyal_hashed", run_id):
            assert SALT not in str(stack.xcom("export__loyal_hashed", run_id, ti["task_id"]))
