"""The Exports page in a real browser, on a real Airflow with PostgreSQL, a scheduler and FAB's roles."""
