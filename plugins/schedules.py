"""Airflow knows the timetable of exports by the clock from here."""

from airflow.plugins_manager import AirflowPlugin

from sluice.airflow.timetable import ClockTimetable


class Schedules(AirflowPlugin):
    """Needed by the scheduler, the DAG processor and the API server."""

    name = "sluice_schedules"
    timetables = [ClockTimetable]
