"""The Exports page in Airflow's UI, and its API. Airflow's API server alone imports more than `plugin`."""
