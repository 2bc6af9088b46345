"""The exports whose declarations were removed within the last day.

Airflow starts no more tasks of a DAG that its file no longer contains: not even the last task of a run that is still in
progress, which would stay `running` for ever. So the DAG remains for a day after its declaration is gone. The names are
remembered in a file in `AIRFLOW_HOME`, because a process that parses knows nothing of the parse before it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

KEPT = timedelta(days=1)
"""Longer than a run waits and sends."""
_PRECISION = timedelta(hours=1)
"""The file is written again if names have come or gone, or after this time."""


def removed(include: Path, declared: Collection[str], now: datetime | None = None) -> list[str]:
    """The names that were declared in this folder within the last day, and are not now. Empty if `AIRFLOW_HOME` cannot
    be written."""
    now = now or datetime.now(UTC)
    file = _file(include)
    seen = _read(file)
    kept = {name: at for name, at in seen.items() if name not in declared and now - KEPT < at <= now}
    current = kept | dict.fromkeys(declared, now)
    if current.keys() != seen.keys() or now - max(seen.values(), default=now) > _PRECISION:
        _write(file, current)
    return sorted(kept)


def _file(include: Path) -> Path:
    home = Path(os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow")
    return home / "sluice" / f"exports-{hashlib.sha256(str(include.resolve()).encode()).hexdigest()[:16]}.json"


def _read(file: Path) -> dict[str, datetime]:
    try:
        return {name: datetime.fromisoformat(at) for name, at in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(file: Path, seen: dict[str, datetime]) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps({name: at.isoformat() for name, at in sorted(seen.items())}))
        new.replace(file)
