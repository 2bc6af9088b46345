"""Who may do what: actors, verbs, subjects, and the audit log of what they did. Never imports Airflow."""
