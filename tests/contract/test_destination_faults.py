"""What each destination does when its server, its network or its credentials fail.

Every case states the class of the error, what its text says, and that nothing is left: no file under its final name,
no unfinished upload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, SluiceError
from tests.servers import azurite, gcs, s3
from tests.servers.fault_cases import BUCKET, CASES, LONG, MIB, QUICK, Case, Stage
from tests.servers.faults import Rule
from tests.servers.fleet import Fleet
from tests.servers.table import printed


@pytest.fixture
def stage(fleet: Fleet, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as until:
        yield Stage(fleet, tmp_path, until)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines that are printed when all is over."""
    with printed(request.config, f"{'fault':<21}{'destination':<19}{'outcome':<17}said") as lines:
        yield lines


@contextmanager
def opened(case: Case, stage: Stage) -> Iterator[Destination]:
    conn_id = stage.fleet.connect("faulty", case.connection(stage))
    declared = {"type": case.type, "airflow_conn_id": conn_id, "folder": case.folder, **case.declared}
    destination = DESTINATIONS[case.type].model_validate(declared).open(stage.fleet, name="acme", threads=2)
    try:
        yield destination
    finally:
        destination.close()


def pieces(mebibytes: int = LONG) -> Iterator[bytes]:
    for number in range(mebibytes):
        yield bytes([number]) * MIB


def left_behind(stage: Stage, name: str) -> list[str]:
    """What any server holds of `name`, seen from behind: whole, hidden or unfinished."""
    fleet = stage.fleet
    found = [str(path) for folder in (fleet.folder, stage.folder) for path in folder.rglob(f"*{name}*")]
    held: list[str] = []
    if "ministack" in vars(fleet):
        held += _of_bucket(s3.client(fleet.ministack), s3.BUCKET)
    if "azurite" in vars(fleet):
        held += azurite.service(fleet.azurite).get_container_client(azurite.CONTAINER).list_blob_names()
    if "cloud_storage" in vars(fleet):
        held += _of_bucket(_google(stage), gcs.BUCKET)
    return found + [one for one in held if name in one]


def _of_bucket(client: Any, bucket: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    whole = [row["Key"] for page in pages for row in page.get("Contents", ())]
    return whole + [row["Key"] for row in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def _google(stage: Stage) -> Any:
    access = stage.fleet.get(stage.fleet.connect("behind", stage.fleet.cloud_storage.connection()))
    return gcs.client(stage.fleet.cloud_storage, access)


_numbers = iter(range(1_000_000))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_is_overcome_or_told_and_leaves_nothing(case: Case, stage: Stage, table: list[str]) -> None:
    name = f"fault-{next(_numbers):03d}.bin"
    failure: SluiceError | None = None
    try:
        with opened(case, stage) as destination:
            assert destination.put(name, pieces()).size == LONG * MIB
            there = b"".join(destination.read(name))
            assert there == b"".join(pieces())
            destination.remove([name])
    except SluiceError as error:
        failure = error
    said = str(failure).replace("\n", " ") if failure else "the whole file arrived"
    outcome = type(failure).__name__ if failure else "overcome"
    table.append(f"{case.fault:<21}{case.type:<19}{outcome:<17}{said}")
    if case.error is None:
        assert failure is None, said
    else:
        assert isinstance(failure, case.error), said
        assert re.search(case.text, said), said
        assert "acme" in said or "faulty" in said, "the text names the connection"
        assert not re.search("sig=|wrong-secret|wrong-password|Traceback", said)
    assert left_behind(stage, name) == []


@pytest.mark.parametrize("kind", ["s3", "gcs"])
def test_an_upload_that_could_not_be_aborted_is_aborted_later(kind: str, stage: Stage) -> None:
    """The server fails for everything from the second part on, the abort included; the next run clears up."""
    proxied = stage.s3 if kind == "s3" else stage.gcs
    storm = Rule("answer", method="PUT|DELETE", path="(?i)partNumber=[23]|^[^?]*[?]uploadId=[^&]*$")
    case = Case("storm", kind, lambda _: proxied(storm), RetriableError, declared={**BUCKET, **QUICK})
    with opened(case, stage) as destination:
        with pytest.raises(RetriableError):
            destination.put("orphan.bin", pieces())
        storm.times = 0
        assert destination.stat("orphan.bin") is None
        assert destination.abort(["orphan.bin"]) == 1
        assert destination.abort(["orphan.bin"]) == 0


def test_where_no_upload_was_ever_begun_there_is_nothing_to_abort(stage: Stage) -> None:
    address = stage.until.enter_context(s3.rclone(stage.folder))
    case = Case("nothing", "s3", lambda _: s3.connection(address), None, declared={**BUCKET, **QUICK})
    with opened(case, stage) as destination:
        assert destination.abort(["never-begun.bin"]) == 0


def test_a_commit_whose_answer_is_lost_leaves_the_whole_file(stage: Stage) -> None:
    lost = Rule("lose", method="POST", path="uploadId=", times=1)
    case = Case("lost", "s3", lambda stage: stage.s3(lost), None, declared={**BUCKET, **QUICK})
    with opened(case, stage) as destination:
        try:
            destination.put("lost.bin", pieces())
        except RetriableError:
            destination.put("lost.bin", pieces())  # what a sender does; the name is the same, so is the file
        assert lost.seen == 1
        assert b"".join(destination.read("lost.bin")) == b"".join(pieces())
        destination.remove(["lost.bin"])
    assert left_behind(stage, "lost.bin") == []


def test_an_sftp_connection_that_was_lost_is_opened_again(stage: Stage) -> None:
    case = Case("cut", "sftp", lambda stage: stage.sftp(Rule("cut", after=5 * MIB, times=1)), None, declared=QUICK)
    with opened(case, stage) as destination:
        with pytest.raises(RetriableError):
            destination.put("again.bin", pieces())
        assert destination.put("again.bin", pieces()).size == LONG * MIB
        destination.remove(["again.bin"])


def test_a_private_key_with_a_wrong_passphrase_is_told_before_anything_is_sent(stage: Stage) -> None:
    key = (stage.fleet.asyncssh.folder.parent / "client_key").read_text()
    extra = {"private_key": key, "private_key_passphrase": "not this one"}
    case = Case("passphrase", "sftp", lambda stage: stage.fleet.asyncssh.connection(password=None, extra=extra), None)
    with pytest.raises(SluiceError, match="the private key cannot be read") as caught, opened(case, stage):
        pass
    assert "PRIVATE KEY-" not in str(caught.value)


def test_a_host_key_is_not_checked_only_when_that_is_said_by_name(stage: Stage) -> None:
    server = stage.fleet.asyncssh
    unknown = Case("unknown", "sftp", lambda _: server.connection(extra={"host_key": None}), FatalError)
    with opened(unknown, stage) as destination, pytest.raises(FatalError, match="host key"):
        destination.put("x", [b"x"])
    off = {"host_key": None, "no_host_key_check": "true"}
    with opened(Case("off", "sftp", lambda _: server.connection(extra=off), None), stage) as destination:
        assert destination.put("x", [b"x"]).size == 1
        destination.remove(["x"])
