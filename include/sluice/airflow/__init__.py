"""The Airflow side: a thin coat around the core. Operators and sensors call one core function each."""
