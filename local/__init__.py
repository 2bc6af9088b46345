"""A whole Airflow on this machine, for development, the demo and the tests: a database, its processes, a lake."""
