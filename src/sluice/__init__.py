"""Sluice delivers customer data: declared exports become Airflow DAGs, runs become deliveries."""
