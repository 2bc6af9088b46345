"""What Airflow takes from Sluice in every process, found by the entry point `airflow.plugins`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sluice.airflow.timetable import ClockTimetable


class SluicePlugin(AirflowPlugin):
    """The timetable of exports by the clock: the scheduler, the DAG processor and the API server read it."""

    name = "sluice"
    timetables = [ClockTimetable]
