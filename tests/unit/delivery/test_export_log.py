"""The log of an export's run: written beside the delivery or elsewhere, before the manifest, however the run ends."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.delivery import export_log
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.deliver import deliver
from sluice.delivery.staging import StagedRun
from sluice.delivery.verify import read_manifest, verify
from sluice.destinations import local
from sluice.errors import FatalError, HeldError, RetriableError
from sluice.plan.explain import explain
from tests.builders import World

NAME = "MMP-030926-040500-people.log"
PROFILE = "{type: local, airflow_conn_id: out, folder: mmp, profile: data-workbench}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    source = "{type: parquet, airflow_conn_id: lake, path: people}"
    world.declare({"catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {source}}}"})
    world.dataset("people", pa.table({"id": range(2500), "mail": [f"secret-{i}@example.com" for i in range(2500)]}))
    declare(world)
    return world


def declare(
    world: World, log: str = "delivery", connection: str = PROFILE, more: str = "", folder: str = "people"
) -> None:
    world.declare(
        {
            "connections/out.yaml": connection,
            "exports/people.yaml": f"""
                kind: dataset-export
                connection: out
                datasets: [people]
                mode: full
                chunks: {{records: 1000, threads: 1, retry_delay: 1ms}}
                format: {{type: csv, compression: none}}
                folder: {folder}
                log: {log}
                {more}
                """,
        }
    )


def logs(world: World) -> list[str]:
    return [name for name in world.delivered() if name.endswith(".log")]


def text(world: World, name: str = f"mmp/people/{NAME}") -> str:
    return (world.root / "out" / name).read_text()


def results(world: World) -> list[str]:
    return [line for line in text(world).splitlines() if "  result    " in line]


def test_it_says_what_the_run_did_line_by_line(world: World) -> None:
    report = world.run("people")
    assert re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  ", "", text(world), flags=re.MULTILINE).splitlines() == [
        "start     people: dataset-export to out",
        f"start     run manual__1, due at 2026-03-09 04:05:00 UTC, id {report.flow_run_id}",
        "start     at most 1,000 records per chunk, 1 threads, 0 retries of each chunk",
        "extract   people: 2,500 of 2,500 records, 0 rejected, 0 duplicates",
        f"extract   took {report.steps['extract']:,.1f} s",
        "chunk     3 chunks in 1 task",
        *(
            f"upload    people chunk {number}: {records:,} records, {size:,} bytes, 1 try: {name}"
            for number, (records, size, name) in enumerate(parts(world))
        ),
        f"result    complete: 3 files, 2,500 records, {report.bytes:,} bytes; the manifest follows: {report.manifest}",
    ]
    assert "secret" not in text(world)


def parts(world: World) -> list[tuple[int, int, str]]:
    names = [name.removeprefix("mmp/") for name in world.delivered() if "part-" in name]
    return [
        (1000 if i < 2 else 500, (world.root / "out/mmp" / name).stat().st_size, name) for i, name in enumerate(names)
    ]


def test_it_is_written_before_the_manifest_and_is_no_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    put = local.LocalFolder.put

    def recorded(self: Any, name: str, *more: Any) -> Any:
        written.append(name)
        return put(self, name, *more)

    monkeypatch.setattr(local.LocalFolder, "put", recorded)
    world.run("people")
    assert written[-2] == f"people/{NAME}"
    assert "manifest-" in written[-1]
    destination = world.plan("people").connection.destination.open(world, name="out", threads=1)
    manifest = read_manifest(written[-1], destination)
    assert not any(part.path.endswith(".log") for part in manifest.exportResults)
    assert verify(manifest, destination) == []


@pytest.mark.parametrize("log", ["delivery", "{folder: logs/mmp}", "staging"])
def test_its_place(world: World, log: str) -> None:
    declare(world, log)
    world.run("people")
    if log == "staging":
        assert logs(world) == []
        assert (world.root / "sluice_staging/staging/deliveries/people/logs" / NAME).read_text().startswith("20")
        said = f"  log         {NAME}, in staging"
    else:
        folder = "people" if log == "delivery" else "logs/mmp"
        assert logs(world) == [f"mmp/{folder}/{NAME}"]
        said = f"  log         mmp/{folder}/{NAME}"
    assert said in explain(world.plan("people")).splitlines()


@pytest.mark.parametrize("log", ["delivery", "staging"])
def test_two_runs_that_are_due_in_the_same_second_have_logs_of_their_own(world: World, log: str) -> None:
    """However often each of them is cleared: the first one has failed, and delivers after the second one."""
    declare(world, log)
    staged = world.extract("people")
    world.upload(staged)
    world.abort(staged)
    second = world.run("people", "manual__2")
    first = world.run("people")

    folder = world.root / ("out/mmp/people" if log == "delivery" else "sluice_staging/staging/deliveries/people/logs")
    texts = {path.name: path.read_text() for path in folder.glob("*.log")}
    assert {name: "complete: 3 files" in text for name, text in texts.items()} == {
        NAME: True,
        f"{NAME[:-4]}.2.log": True,
    }
    assert str(first.flow_run_id) in texts[NAME]
    assert str(second.flow_run_id) in texts[f"{NAME[:-4]}.2.log"]


def test_a_log_with_a_number_is_no_extra_file_and_moves_with_its_place(world: World) -> None:
    declare(world, folder="runs/%RUN_ID%")
    world.run("people")
    report = world.run("people", "manual__2")
    destination = world.plan("people").connection.destination.open(world, name="out", threads=1)
    name = f"runs/{report.flow_run_id}/{report.manifest.rsplit('/', 1)[-1]}"
    assert verify(read_manifest(name, destination), destination) == []
    assert sum(log.endswith("people.2.log") for log in logs(world)) == 1

    staged = world.extract("people", "manual__3")
    world.upload(staged)
    world.abort(staged)
    declare(world, "{folder: elsewhere}", folder="runs/%RUN_ID%")
    world.run("people", "manual__3")
    assert [log for log in logs(world) if log.endswith("people.3.log")] == [
        "mmp/elsewhere/MMP-030926-040500-people.3.log"
    ]


def test_without_a_profile_it_has_another_name_and_without_the_key_there_is_none(world: World) -> None:
    declare(world, connection="{type: local, airflow_conn_id: out}")
    world.run("people")
    assert logs(world) == ["people/EXPORT-030926-040500-people.log"]
    declare(world, log="~")
    world.declare({"exports/people.yaml": (world.include / "exports/people.yaml").read_text().replace("log: ~", "")})
    world.now += timedelta(days=1)
    world.run("people", "manual__2")
    assert len(logs(world)) == 1


def test_a_folder_named_after_the_run_does_not_make_it_an_extra_file(world: World) -> None:
    declare(world, folder="runs/%RUN_ID%")
    report = world.run("people")
    assert logs(world) == [f"mmp/runs/{report.flow_run_id}/{NAME}"]
    destination = world.plan("people").connection.destination.open(world, name="out", threads=1)
    name = f"runs/{report.flow_run_id}/{report.manifest.rsplit('/', 1)[-1]}"
    assert verify(read_manifest(name, destination), destination) == []


def test_an_aborted_run_leaves_its_log_with_the_reason_and_nothing_else(world: World) -> None:
    staged = world.extract("people")
    world.upload(staged)
    world.abort(staged)
    assert world.delivered() == [f"mmp/people/{NAME}"]
    (line,) = results(world)
    assert "failed: the run ended before it could publish; 3 parts were removed; nothing is published" in line
    assert text(world).count("upload    people chunk") == 3

    list(Cleaner(world.plan("people").staging, "people", world, lambda _: True).clean(world.now))
    assert world.delivered() == [f"mmp/people/{NAME}"]
    assert results(world) == [line], "cleaning again changes nothing"

    world.run("people")
    assert "complete: 3 files" in results(world)[0], "the same run, cleared, replaces it"
    assert logs(world) == [f"mmp/people/{NAME}"]


def test_one_that_publish_has_written_for_a_delivery_that_never_was_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies before it has decided."""
    staged = world.extract("people")
    world.upload(staged)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sluice.delivery.publish.publish.record", dies)
    with pytest.raises(KeyboardInterrupt):
        world.publish(staged)
    assert "complete: 3 files" in results(world)[0]
    world.abort(staged)
    assert world.delivered() == [f"mmp/people/{NAME}"]
    assert "nothing is published" in results(world)[0]


def test_without_airflow_a_failure_is_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world.plan("people")
    project, _ = world._load("people")
    put = local.LocalFolder.put

    def refused(self: Any, name: str, *more: Any) -> Any:
        if name.endswith(".csv"):
            raise FatalError(f"{name} cannot be written")
        return put(self, name, *more)

    monkeypatch.setattr(local.LocalFolder, "put", refused)
    with pytest.raises(FatalError):
        deliver(project, plan, world, lambda: world.now, lambda _: None)
    assert re.search(r"failed: \S+\.csv cannot be written; nothing is published", results(world)[0])


def test_a_held_run_says_so(world: World) -> None:
    declare(world, more="expect: {max_records: 10, on_breach: hold}")
    with pytest.raises(HeldError):
        world.extract("people")
    world.abort(StagedRun.of(world.plan("people")))
    assert "nothing is published" in results(world)[0]
    assert "2,500 of 2,500 records" in text(world)


def test_tries_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that arrives with its third try."""
    path = world.include / "exports/people.yaml"
    path.write_text(path.read_text().replace("retry_delay: 1ms", "retry_delay: 1ms, retries: 2"))
    put, failed = local.LocalFolder.put, {"people": 0}

    def fails_twice(self: Any, name: str, *more: Any) -> Any:
        if "part-00001-" in name and failed["people"] < 2:
            failed["people"] += 1
            raise RetriableError("connection lost")
        return put(self, name, *more)

    monkeypatch.setattr(local.LocalFolder, "put", fails_twice)
    world.run("people")
    tries = re.findall(r"chunk (\d): .*?, (\d tr\w+):", text(world))
    assert sorted(tries) == [("0", "1 try"), ("1", "3 tries"), ("2", "1 try")]


def test_a_log_that_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails a delivery, whose operator wants it, but does not hide why a run has failed."""
    put = local.LocalFolder.put

    def refused(self: Any, name: str, *more: Any) -> Any:
        if name.endswith(".log"):
            raise FatalError("no room")
        return put(self, name, *more)

    monkeypatch.setattr(local.LocalFolder, "put", refused)
    staged = world.extract("people")
    world.upload(staged)
    with pytest.raises(FatalError, match="no room"):
        world.publish(staged)
    assert not world.abort(staged).published
    assert world.delivered() == []
    assert "the log of the run was not written" in caplog.text


def test_the_log_of_an_earlier_plan_of_the_run_goes(world: World) -> None:
    staged = world.extract("people")
    world.upload(staged)
    world.abort(staged)
    declare(world, "{folder: elsewhere}")
    world.run("people")
    assert logs(world) == [f"mmp/elsewhere/{NAME}"]


def test_a_dry_run_writes_none(world: World) -> None:
    staged = world.extract("people", dry_run=True)
    world.abort(staged)
    assert world.delivered() == []


def test_staging_keeps_the_last_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_log, "KEPT", 2)
    declare(world, "staging")
    for number in range(4):
        world.now += timedelta(minutes=1)
        world.run("people", f"manual__{number}")
    kept = sorted(path.name for path in (world.root / "sluice_staging/staging/deliveries/people/logs").iterdir())
    assert kept == ["MMP-030926-040800-people.log", "MMP-030926-040900-people.log"]
