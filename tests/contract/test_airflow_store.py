"""What Sluice accepts, Airflow's DAG processor, its serializer and PostgreSQL accept too; and what it does not accept
takes no other export out of the database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from airflow.models.dag import DagModel, DagTag
from airflow.models.log import Log
from airflow.sdk.definitions._internal.node import KEY_REGEX
from pydantic import TypeAdapter, ValidationError

from sluice.airflow.names import dag_id
from sluice.definition.load import load
from sluice.definition.models.schedule import LONGEST_CRON, Cron, ScheduleSpec
from sluice.model import declared
from tests.mutants import HOSTILE
from tests.servers.airflow_store import AirflowStore, airflow_store

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir() if (path / "include").is_dir() and path.name[0] not in "_.")
SOUND = {"kind": "dataset-export", "connection": "drop", "datasets": ["orders"], "mode": "full"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowStore]:
    with airflow_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def include(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "_base" / "include", tmp_path / "include"))


def every_export_is_there(store: AirflowStore, include: Path) -> None:
    """Sound or broken, each is a DAG that Airflow can read from its database; and each mistake is an import error."""
    loaded, stored = load(include), store.store(include)
    assert not stored.refused
    sound = {dag_id(name) for name in (*loaded.project.exports, *loaded.project.detached)}
    broken = {dag_id(name) for name in loaded.broken}
    assert set(stored.dags) == sound | broken | {"system_refresh"}
    assert {name for name, tags in stored.dags.items() if "broken" in tags} == broken
    assert set(stored.errors) == ({"declarations.py"} if loaded.errors else set())
    for error in loaded.errors:
        assert error.page() in stored.errors["declarations.py"]


@pytest.mark.parametrize("case", CASES)
def test_a_golden_case_is_stored(case: str, include: Path, store: AirflowStore) -> None:
    shutil.copytree(GOLDEN / case / "include", include, dirs_exist_ok=True)
    every_export_is_there(store, include)


KEYS = ("title", "description", "owner", "tags", "schedule", "retries", "retry_delay", "time_limit", "late_after")
"""What Airflow is given of an export."""


def of_every_value(include: Path) -> dict[str, dict[str, object]]:
    """Two exports for each hostile value: one has it under every key that accepts it, one under all that do not."""
    values = {f"{key.replace('_', '-')}-{number}": (number, key) for number in range(len(HOSTILE)) for key in KEYS}
    given = {number: {key: [value] if key == "tags" else value for key in KEYS} for number, value in enumerate(HOSTILE)}
    write(include, {name: SOUND | {key: given[number][key]} for name, (number, key) in values.items()})
    accepted = load(include).project.exports.keys()
    found: dict[str, dict[str, object]] = {}
    for name, (number, key) in values.items():
        kind = "accepted" if name in accepted else "refused"
        found.setdefault(f"{kind}-{number}", dict(SOUND))[key] = given[number][key]
        (include / "exports" / f"{name}.yaml").unlink()
    return found


def longest_values() -> dict[str, dict[str, object]]:
    """An export for the longest value of each key, and for the first and the last day that a schedule may name."""
    found: dict[str, dict[str, object]] = {}
    for key, longest in (("title", 2000), ("owner", 500), ("description", 16_000)):
        found[f"longest-{key}"] = SOUND | {key: "\U0001f4a9" * longest}
    found["longest-tag"] = SOUND | {"tags": ["\U0001f4a9" * 100]}
    found["x" * 100] = SOUND
    found["longest-cron"] = SOUND | {"schedule": {"cron": LONG_CRON, "end": "2199-12-31"}}
    for number, day in enumerate(("1971-01-01", "2199-12-31")):
        for clock in ({"daily": "23:59"}, {"cron": "0 0 29 2 *"}, {"monthly": 31}):
            found[f"{next(iter(clock))}-of-{number}"] = SOUND | {
                "schedule": clock | {"start": day, "end": "2199-12-31"}
            }
            found[f"{next(iter(clock))}-to-{number}"] = SOUND | {"schedule": clock | {"end": day}}
        found[f"once-{number}"] = SOUND | {"schedule": {"once": day}}
    return found


def write(include: Path, exports: dict[str, dict[str, object]]) -> None:
    for name, export in exports.items():
        text = yaml.safe_dump(export, allow_unicode=True).encode("utf-8", "surrogatepass")
        (include / "exports" / f"{name}.yaml").write_bytes(text)


LONG_CRON = (
    f"{','.join(map(str, range(0, 60, 2)))} {','.join(map(str, range(24)))} {','.join(map(str, range(1, 20)))} * *"
)


def test_hostile_values_are_stored_or_said(include: Path, store: AirflowStore) -> None:
    exports = of_every_value(include)
    write(include, exports | longest_values())
    loaded = load(include)
    assert "daily" in loaded.project.exports
    for longest in ("longest-title", "longest-owner", "longest-description", "longest-tag", "longest-cron", "x" * 100):
        assert longest in loaded.project.exports, loaded.broken.get(longest)
    sound = {name for name in exports if name in loaded.project.exports}
    assert sound == {name for name in exports if name.startswith("accepted")}
    assert len(sound) > 50
    every_export_is_there(store, include)


def test_hostile_names_of_files_are_dags_of_their_own(include: Path, store: AirflowStore) -> None:
    names = {str(value).replace("/", "").replace("\0", "")[:80] for value in HOSTILE}
    names |= {"Bad Name", "bad_name", "bad name", "a.b", "a\nb", "x" * 101, "x" * 240}
    for name in names:
        if name and name[0] not in "_.":
            (include / "exports" / f"{name}.yaml").write_text(yaml.safe_dump(SOUND))
    (include / "exports" / "undecodable").mkdir()
    with open(bytes(include / "exports" / "undecodable") + b"/\xff\xfe.yaml", "w") as file:  # noqa: PTH123
        file.write(yaml.safe_dump(SOUND))
    every_export_is_there(store, include)


def test_a_pool_of_the_most_slots_and_a_refresh_of_the_longest_id(include: Path, store: AirflowStore) -> None:
    (include / "connections" / "wide.yaml").write_text(
        f"type: local\nairflow_conn_id: x\nlimits: {{at_once: {declared.SLOTS}}}\n"
    )
    (include / "exports" / "wide.yaml").write_text(yaml.safe_dump(SOUND | {"connection": "wide"}))
    (include / "catalog" / "refreshes.yaml").write_text(
        f"far: {{type: dag, dag_id: {'d' * 250}, in_system_refresh: true}}\n"
        'system_refresh: {type: system, schedule: {cron: "' + LONG_CRON + '"}}\n'
    )
    assert not load(include).errors
    every_export_is_there(store, include)


@pytest.mark.parametrize(
    ("limited", "column"),
    [
        (declared.Title, DagModel.__table__.c.dag_display_name),
        (declared.Owner, Log.__table__.c.owner),
        (declared.Tag, DagTag.__table__.c.name),
        (declared.DagId, DagModel.__table__.c.dag_id),
    ],
)
def test_limits_are_those_of_airflows_columns(limited: object, column: object) -> None:
    """An Airflow that takes less, or more, turns this red."""
    adapter: TypeAdapter[str] = TypeAdapter(limited)
    length = column.type.length  # type: ignore[attr-defined]
    assert adapter.validate_python("x" * length)
    with pytest.raises(ValidationError):
        adapter.validate_python("x" * (length + 1))


@pytest.mark.parametrize("text", ["", "a b", "a/b", "{{ x }}", "a\n", "a:b"])
def test_ids_of_dags_are_what_airflow_calls_ids(text: str) -> None:
    assert not KEY_REGEX.fullmatch(text)
    with pytest.raises(ValidationError):
        TypeAdapter(declared.DagId).validate_python(text)


def test_what_the_longest_schedule_says_fits_its_column() -> None:
    from sluice.airflow.schedules import refresh_schedule
    from sluice.airflow.timetable import ClockTimetable

    assert len(LONG_CRON) <= LONGEST_CRON
    spec = ScheduleSpec(cron=LONG_CRON)
    refresh = refresh_schedule(Cron(cron=LONG_CRON))
    assert refresh is not None
    column = DagModel.__table__.c.timetable_description.type.length
    assert len(ClockTimetable(spec.crons, spec.says).description) <= column
