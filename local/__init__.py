"""A complete Airflow on this machine, for development, the demo and the tests: database, processes and a lake."""
