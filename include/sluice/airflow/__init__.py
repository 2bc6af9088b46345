"""Thin envelopes that make Sluice part of Airflow: the only package here that imports it."""
