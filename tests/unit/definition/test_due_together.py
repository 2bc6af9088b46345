"""Whether two clock schedules are ever due together: what lets two exports have equal file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.definition.rules.names import due_together
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": "p: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: p}}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}
EXPORT = "{{kind: dataset-export, connection: out, datasets: [p], mode: full, schedule: {}, folder: /, file: {}}}"


@pytest.mark.parametrize(
    ("one", "other", "unit", "when"),
    [
        ("{daily: 06:00}", "{daily: 06:05}", "second", None),
        ("{daily: 06:00}", "{daily: 06:05}", "minute", None),
        ("{daily: 06:00}", "{daily: 06:05}", "hour", "2024-01-01 06:05"),
        ("{daily: 06:00}", "{daily: 18:00}", "day", "2024-01-01 18:00"),
        ("{every: 2 hours}", "{every: 3 hours, at: 01:00}", "second", "2024-01-01 04:00"),
        ("{cron: 0 6 25 12 *}", "{weekly: [mon], at: 06:00}", "second", "2028-12-25 06:00"),
        # Only in the weeks in which America has changed its clocks, and Europe has not.
        (
            "{daily: 08:00, timezone: Europe/Budapest}",
            "{daily: 03:00, timezone: America/New_York}",
            "second",
            "2024-03-10 07:00",
        ),
        # A time that is skipped runs at the next one.
        (
            "{daily: 02:30, timezone: Europe/Budapest}",
            "{daily: 03:00, timezone: Europe/Budapest}",
            "second",
            "2024-03-31 01:00",
        ),
    ],
)
def test_due_together(tmp_path: Path, one: str, other: str, unit: str, when: str | None) -> None:
    world = World(tmp_path)
    name = f'{{name: "%DATETIME(YYYYMMDDHHmmss)%_%PART%", unique: {unit}}}'
    texts = {"a": one, "b": other}
    ends = {key: text.replace("}", ", end: 2027-12-31}") for key, text in texts.items()}
    world.declare(FILES | {f"exports/{key}.yaml": EXPORT.format(text, name) for key, text in ends.items()})
    exports = [world._load(key)[1] for key in ("a", "b")]
    found = due_together(*exports)
    assert (f"{found:%Y-%m-%d %H:%M}" if found else None) == when
    back = due_together(*reversed(exports))
    assert (back is None) == (when is None)
