"""The Airflow plugin, which every Airflow process loads by the entry point `airflow.plugins`."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from sluice.airflow.forking import import_for_children
from sluice.airflow.links import ManifestLink, ReportLink
from sluice.airflow.timetable import ClockTimetable


class SluicePlugin(AirflowPlugin):
    """Registers the timetable of clock schedules for the scheduler, the DAG processor and the API server, and the links
    of a delivery for the API server. In a process that forks, it imports what the children need."""

    name = "sluice"
    timetables = [ClockTimetable]
    operator_extra_links = [ManifestLink(), ReportLink()]

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:  # noqa: ARG003 - Airflow's signature
        """Airflow calls it once it has found the plugins: before it forks anything."""
        import_for_children()
