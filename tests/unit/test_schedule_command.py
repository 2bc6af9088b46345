"""`sluice schedule`: several exports at once, kept or overridden, checked before anything is written."""

from __future__ import annotations

import getpass
import json
import stat
from pathlib import Path
from textwrap import dedent

import pytest

from sluice.cli import main
from tests.builders import World
from tests.servers.folders import folder_connection

FILES = {
    "catalog/datasets.yaml": """
        people:
          {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": "vips: {dataset: people, where: id < 10}\n",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/vips.yaml": """\
        # our best people
        kind: segment-export
        connection: out
        segments: [vips]   # one
        fields:
        - id
        schedule:
          # payday
          weekly: [mon]
          start: 2026-12-01
        """,
    "exports/people.yaml": '{kind: dataset-export, connection: out, datasets: [people], mode: full, schedule: "off"}\n',
    "exports/broken.yaml": "{kind: dataset-export, connection: nowhere, datasets: [people]}\n",
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_STAGING", folder_connection(world.root / "sluice_staging"))
    return world


def texts(world: World) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (world.include / "exports").iterdir()}


def test_one_schedule_for_several_overrides_theirs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = texts(world)
    assert main(["schedule", "vips", "people", "--every", "6 hours", "--at", "00:30", "--end", "2027-12-31"]) == 0
    now = texts(world)
    assert now["vips"] == dedent("""\
        # our best people
        kind: segment-export
        connection: out
        segments: [vips]   # one
        fields:
        - id
        # payday
        schedule: {every: 6 hours, at: "00:30", start: 2026-12-01, end: 2027-12-31}
        """)
    assert now["people"].endswith('schedule: {every: 6 hours, at: "00:30", end: 2027-12-31}}\n')
    assert now["broken"] == before["broken"], "what is broken elsewhere does not stand in the way"
    printed = capsys.readouterr().out
    assert "-  weekly: [mon]\n" in printed
    assert '+schedule: {every: 6 hours, at: "00:30", start: 2026-12-01, end: 2027-12-31}\n' in printed
    assert printed.endswith("2 written\n")


@pytest.mark.slow
def test_off_and_on_keep_what_is_written_down(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = texts(world)["vips"]
    assert main(["schedule", "vips", "--off"]) == 0
    assert texts(world)["vips"] == f"{before}enabled: false\n"
    assert main(["schedule", "vips", "--keep"]) == 0
    assert texts(world)["vips"] == f"{before}enabled: true\n"
    assert main(["schedule", "vips", "--keep"]) == 0
    assert capsys.readouterr().out.endswith("0 written, 1 unchanged\n")


def test_a_change_applies_to_all_feeds_and_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    source = "{kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: t}}"
    more = "".join(f"t{number}: {source}\n" for number in range(5))
    world.declare({"catalog/datasets.yaml": f"people: {source}\n{more}"})
    world.declare({"catalog/segments.yaml": ""})
    (world.include / "exports" / "vips.yaml").unlink()
    declared = "{kind: dataset-export, connection: out, mode: full, datasets: [people, t0, t1, t2, t3, t4]}\n"
    world.declare({"exports/many.yaml": declared})
    assert main(["schedule", "many", "people", "--daily", "06:00", "--end", "2127-12-31"]) == 0
    said = "note: many has 6 feeds, and the change applies to all of them: people, t0, t1, t2, t3, ... and 1 more\n"
    assert said in capsys.readouterr().err
    assert main(["schedule", "people", "--daily", "07:00"]) == 0
    assert "note:" not in capsys.readouterr().err


def test_limits_alone_leave_the_rule(world: World) -> None:
    assert main(["schedule", "vips", "--start", "none", "--end", "2028-01-31"]) == 0
    assert texts(world)["vips"].endswith("# payday\nschedule: {weekly: [mon], end: 2028-01-31}\n")


@pytest.mark.parametrize(
    ("words", "schedule"),
    [
        (["--with-refresh", "--start", "none"], "with-refresh"),
        (["--with-refresh"], "{after: system_refresh, start: 2026-12-01}"),
        (["--once"], "once"),
        (["--once", "2027-01-01T06:30"], '{once: "2027-01-01T06:30"}'),
        (["--monthly", "31", "--start", "none", "--stagger", "30 min"], "{monthly: 31, stagger: 30 min}"),
        (["--weekly", "mon", "thu", "--at", "06:00"], '{weekly: [mon, thu], at: "06:00", start: 2026-12-01}'),
        (["--cron", "*/5 * * * *"], '{cron: "*/5 * * * *", start: 2026-12-01}'),
        (
            ["--daily", "06:00", "--timezone", "Europe/Budapest"],
            '{daily: "06:00", timezone: Europe/Budapest, start: 2026-12-01}',
        ),
        (["--daily", "06:00", "--after-refresh"], '{daily: "06:00", after_refresh: true, start: 2026-12-01}'),
    ],
)
def test_every_rule(world: World, words: list[str], schedule: str) -> None:
    assert main(["schedule", "vips", *words]) == 0
    assert texts(world)["vips"].endswith(f"# payday\nschedule: {schedule}\n")


@pytest.mark.slow
def test_a_new_clock_keeps_the_time_zone(world: World) -> None:
    for words, schedule in (
        (["--daily", "06:00", "--timezone", "Europe/Budapest"], '{daily: "06:00", timezone: Europe/Budapest'),
        (["--daily", "07:00"], '{daily: "07:00", timezone: Europe/Budapest'),
        (["--daily", "07:00", "--timezone", "none"], '{daily: "07:00"'),
        (["--daily", "08:00", "--timezone", "Asia/Tokyo"], '{daily: "08:00", timezone: Asia/Tokyo'),
        (["--with-refresh"], "{after: system_refresh"),
    ):
        assert main(["schedule", "vips", *words]) == 0
        assert texts(world)["vips"].endswith(f"schedule: {schedule}, start: 2026-12-01}}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["vips", "people", "--daily", "06:00"], "the clock schedule of a dataset-export needs an end"),
        (["vips", "people", "--every", "5 hours"], "does not divide a day"),
        (["vips", "vips_too", "--off"], "no export is named `vips_too`"),
        (["vips", "people", "--keep"], "export people has no schedule"),
        (["vips", "broken", "--off"], "no connection is named `nowhere`"),
        (["vips", "--after", "vips"], "exports follow each other in a cycle"),
        (["vips", "--once", "--end", "2028-01-01"], "runs once, so it cannot have end"),
    ],
)
def test_nothing_is_written_where_one_would_not_hold(
    world: World, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    before = texts(world)
    assert main(["schedule", *words]) == 1
    assert says in capsys.readouterr().err
    assert texts(world) == before


def test_a_dry_run_prints_and_writes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = texts(world)
    assert main(["schedule", "vips", "--off", "--dry-run"]) == 0
    assert "+enabled: false" in capsys.readouterr().out
    assert texts(world) == before


@pytest.mark.parametrize(
    "words",
    [["--off"], ["vips"], ["vips", "--daily", "06:00", "--keep"], ["vips", "--at", "06:00"], ["vips", "--on", "--off"]],
)
def test_what_contradicts_itself_is_status_2(world: World, words: list[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["schedule", *words])
    assert done.value.code == 2


def test_a_folder_that_cannot_be_written_is_left_whole(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The second file cannot be written, so the first is not either."""
    before = texts(world)
    (world.include / "exports" / ".vips.yaml.new").mkdir()
    assert main(["schedule", "people", "vips", "--with-refresh"]) == 1
    printed, said = capsys.readouterr()
    assert "cannot be written: Is a directory; nothing was written" in said
    assert "apply the patch in the declarations' repository" in said
    assert "+++ b/exports/vips.yaml" in printed, "this is the patch"
    (world.include / "exports" / ".vips.yaml.new").rmdir()
    assert texts(world) == before


@pytest.mark.slow
def test_the_file_keeps_its_mode(world: World) -> None:
    path = world.include / "exports" / "vips.yaml"
    path.chmod(0o640)
    assert main(["schedule", "vips", "--off"]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in path.parent.iterdir()) == ["broken.yaml", "people.yaml", "vips.yaml"]


def test_a_change_is_in_the_audit_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == "nothing is recorded\n"
    assert main(["schedule", "vips", "people", "--daily", "06:00", "--end", "2027-12-31"]) == 0
    assert main(["schedule", "vips", "--daily", "06:00", "--end", "2027-12-31", "--dry-run"]) == 0
    assert main(["schedule", "vips", "--daily", "06:00", "--end", "2027-12-31"]) == 0, (
        "nothing changes, so nothing is recorded"
    )
    assert main(["schedule", "people", "--off"]) == 0
    assert main(["schedule", "people", "--cron", "never"]) == 1
    capsys.readouterr()
    assert main(["audit"]) == 0
    _, *rows = (line.split("  ") for line in capsys.readouterr().out.splitlines())
    assert [[cell for cell in row if cell][2:4] for row in rows] == [
        ["schedule-export", "export people"],
        ["schedule-export", "export people"],
        ["schedule-export", "export vips, export people"],
    ]
    assert main(["audit", "vips", "--json", "-n", "5"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert (entry["actor"], entry["administrator"], entry["outcome"]) == (getpass.getuser(), True, "done")
    assert entry["texts"][0]["file"] == "exports/vips.yaml"
    assert "weekly: [mon]" in entry["texts"][0]["before"]
    assert "schedule: {daily:" in entry["texts"][0]["after"]
    assert main(["audit", "nothing"]) == 0
    assert capsys.readouterr().out == "nothing is recorded of nothing\n"


def test_without_staging_the_shell_is_warned(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (world.include / "project.yaml").write_text("staging: {airflow_conn_id: of_nobody}\n")
    assert main(["schedule", "people", "--daily", "06:00", "--end", "2027-12-31"]) == 0
    assert "warning: this is not recorded in the audit log: " in capsys.readouterr().err
    assert "daily" in texts(world)["people"]
