"""Backfills: slices of time that are delivered again, for exports that know when their rows were added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sluice.airflow.names import dag_id
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run as Started
from sluice.airflow.runs import between
from sluice.airflow.starting import check_ready, start
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError
from sluice.model.run import Run, Window
from sluice.plan.build import build
from sluice.plan.model import Plan
from sluice.plan.slices import Step, between_ticks, slices
from sluice.plan.window import requested_window

MOST = 1000
"""The most slices of one backfill; each is a run."""


@dataclass(frozen=True)
class Backfill:
    """The slices between two times. A clock schedule defines its own, which Airflow creates; a `by` sets others."""

    export: Export
    whole: Window
    by: Step | None
    parts: Sequence[Window]

    @classmethod
    def of(cls, export: Export, after: str, until: str, by: Step | None) -> Backfill:
        """Raises `DefinitionError` if there are no slices or too many, or if the last one ends in the future."""
        whole = _whole(after, until)
        return cls(export, whole, by, _slices(export, whole, by))

    @property
    def by_airflow(self) -> bool:
        """Whether Airflow's own backfill creates the slices."""
        return by_airflow(self.export, self.by)

    def plans(self, project: Project) -> list[Plan]:
        """The plan of each slice. Raises `DefinitionError` if its run would fail."""
        name = self.export.name
        runs = [Run(export=name, run_id="", export_time=part.until, window=part) for part in self.parts]
        return [build(project, self.export, run) for run in runs]

    def start(self, rest: Rest, conf: Mapping[str, Any]) -> dict[Started, str]:
        """Start the runs, with the slice of each that a `by` has set; otherwise those that Airflow has created."""
        check_ready(rest, [self.export.name])
        return self._in_airflow(rest, conf) if self.by_airflow else self._one_each(rest, conf)

    def _one_each(self, rest: Rest, conf: Mapping[str, Any]) -> dict[Started, str]:
        started = {}
        for part in self.parts:
            window = {"from": part.after.isoformat(), "to": part.until.isoformat()}
            started[start(rest, self.export.name, {"window": window, **conf}, f"backfill of {part}")] = str(part)
        return started

    def _in_airflow(self, rest: Rest, conf: Mapping[str, Any]) -> dict[Started, str]:
        """Do what `sluice airflow backfill create --reprocess-behavior completed` does for the times of the
        schedule."""
        dag, ends = dag_id(self.export.name), (self.whole.after, self.whole.until)
        body = {"dag_id": dag, "from_date": ends[0].isoformat(), "to_date": ends[1].isoformat()}
        rest.post("backfills", {**body, "dag_run_conf": dict(conf), "reprocess_behavior": "completed"})
        return dict.fromkeys(between(rest, dag, *ends), "")


def by_airflow(export: Export, by: Step | None) -> bool:
    """Whether Airflow's own backfill creates the slices of an export."""
    return by is None and export.enabled and export.when is not None and export.when.by_the_clock


def _whole(after: str, until: str) -> Window:
    found = requested_window({"from": after, "to": until})
    if found.until > datetime.now(UTC):
        raise DefinitionError(
            f"{found} ends in the future: rows that are added after the run would be missing from its slice",
            next_step="choose an end that has passed; the next run delivers what is added later",
        )
    return found


def _slices(export: Export, whole: Window, by: Step | None) -> list[Window]:
    found = between_ticks(export, whole) if by_airflow(export, by) else slices(whole, by or "day")
    parts = list(islice(found, MOST + 1))
    if not parts or len(parts) > MOST:
        many = f"more than {MOST:,} slices" if parts else "no scheduled time"
        advice = "choose longer slices with `--by`, or a shorter range" if parts else "choose a longer range"
        raise DefinitionError(f"{export.name}: {many} between {whole.after} and {whole.until}", next_step=advice)
    return parts
