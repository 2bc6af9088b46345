"""The declarations that these DAGs are made of."""

from __future__ import annotations

FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
          refreshed_by: crm
        """,
    "catalog/segments.yaml": """
        vips: {dataset: people, where: id < 10}
        best: {dataset: people, sql: select id from vips, reads: [vips]}
        """,
    "catalog/refreshes.yaml": """
        system_refresh: {type: system, schedule: {cron: "0 3 * * *"}}
        crm: {type: dag, dag_id: crm_load, in_system_refresh: true}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "connections/narrow.yaml": "{type: local, airflow_conn_id: out, limits: {at_once: 2}}",
    "exports/best.yaml": """
        # our best people
        kind: segment-export
        connection: out
        segments: [best, vips]
        fields: [id]
        owner: crm-team
        tags: [daily]
        retries: 4
        time_limit: 2h
        """,
    "exports/by_hand.yaml": '{kind: dataset-export, connection: out, datasets: [people], schedule: "off"}',
    "exports/nightly.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        schedule: {daily: "04:00", start: 2026-12-01, end: 2027-11-30}
        """,
    "exports/after_nightly.yaml": """
        kind: dataset-export
        connection: narrow
        datasets: [people]
        schedule: {after: nightly, end: 2027-11-30}
        """,
    "exports/first.yaml": "{kind: dataset-export, connection: out, datasets: [people], schedule: once}",
    "exports/launch.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], schedule: {once: 2026-12-01T06:30}}
        """,
    "exports/resting.yaml": """
        {kind: segment-export, connection: out, segments: [vips], fields: [id], enabled: false}
        """,
    "exports/fresh.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        schedule: {every: 6 hours, at: "00:30", end: 2027-11-30, after_refresh: true}
        """,
    "exports/wrong.yaml": "{kind: dataset-export, connection: out, datasets: [peple]}",
}
