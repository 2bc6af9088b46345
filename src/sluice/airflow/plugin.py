"""The Airflow plugin, which every Airflow process loads by the entry point `airflow.plugins`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sluice.airflow.timetable import ClockTimetable


class SluicePlugin(AirflowPlugin):
    """Registers the timetable of clock schedules for the scheduler, the DAG processor and the API server."""

    name = "sluice"
    timetables = [ClockTimetable]
