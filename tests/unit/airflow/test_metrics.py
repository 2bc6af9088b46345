"""Metrics of tasks arrive where Airflow sends its own: by OpenTelemetry, and by StatsD."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from airflow.sdk.observability.metrics.otel_logger import get_otel_logger

from sluice.airflow import metrics
from sluice.delivery.report.report import FeedReport, Report
from sluice.delivery.upload.measured import Measured
from sluice.destinations.local import LocalFolder
from sluice.errors import RetriableError
from tests.servers.telemetry import Receiver, Statsd, receiver
from tests.unit.airflow.tasks import FILES, Tasks, world_of

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "docs" / "assets" / "grafana-sluice.json"


@pytest.fixture(autouse=True)
def airflows_own() -> Iterator[None]:
    yield
    stats.initialize(factory=stats.NoStatsLogger, export_legacy_names=True)


@pytest.fixture
def otlp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    from opentelemetry import metrics as otel

    with receiver() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
        monkeypatch.setattr("atexit.register", lambda _: None)
        stats.initialize(factory=get_otel_logger, export_legacy_names=True)
        yield server
        otel.get_meter_provider().shutdown()  # type: ignore[attr-defined]


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Statsd]:
    server = Statsd("airflow")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    stats.initialize(factory=lambda: SafeStatsdLogger(server), export_legacy_names=True)  # type: ignore[arg-type]
    yield server
    server.close()


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    tasks = Tasks(world_of(tmp_path, monkeypatch, FILES), "people")
    tasks.refresh("adults")
    return tasks


@pytest.mark.slow
def test_a_run_sends_its_metrics_by_opentelemetry(
    tasks: Tasks, otlp: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import metrics as otel

    put, faults = LocalFolder.put, [1]

    def busy(at: LocalFolder, name: str, body: Any) -> Any:
        if faults:
            faults.pop()
            raise RetriableError("busy")
        return put(at, name, body)

    monkeypatch.setattr(LocalFolder, "put", busy)
    report = tasks.run()
    metrics.ended("people", "published")
    metrics.waited("people", 1.5)
    otel.get_meter_provider().force_flush()  # type: ignore[attr-defined]
    found = {name.removeprefix("airflow."): points for name, points in otlp.metrics().items()}
    assert set(found) == {metric.name for metric in metrics.METRICS}
    assert all(tags["export"] == "people" for points in found.values() for tags, _ in points)
    values = {name: points[0][1] for name, points in found.items()}
    assert values["sluice.records"] == report["records"] == 100
    assert values["sluice.bytes"] == report["bytes"]
    assert values["sluice.files"] == values["sluice.chunk"] == 4
    assert (values["sluice.retries"], values["sluice.rejected"], values["sluice.waiting"]) == (1, 0, 1)
    assert found["sluice.runs"] == [({"export": "people", "outcome": "published"}, 1)]
    assert {tags["step"] for tags, _ in found["sluice.step"]} == {"extract", "chunk", "upload", "publish"}
    assert 0 <= values["sluice.lag"] < 60
    assert abs(values["sluice.published"] - datetime.now(UTC).timestamp()) < 60


@pytest.mark.slow
def test_a_run_sends_its_metrics_by_statsd_named_after_the_export(tasks: Tasks, statsd: Statsd) -> None:
    tasks.run()
    metrics.ended("people", "failed")
    lines = statsd.lines()
    assert "airflow.sluice.records.people:100|c" in lines
    assert "airflow.sluice.runs.failed.people:1|c" in lines
    assert len([line for line in lines if re.fullmatch(r"airflow\.sluice\.chunk\.people:[\d.]+\|ms", line)]) == 4
    assert [line for line in lines if line.startswith("airflow.sluice.step.upload.people:")]


def test_statsd_in_the_format_of_influxdb_has_tags(statsd: Statsd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
    stats.initialize(
        factory=lambda: SafeStatsdLogger(statsd, influxdb_tags_enabled=True, statsd_influxdb_enabled=True),  # type: ignore[arg-type]
        export_legacy_names=True,
    )
    metrics.ended("people", "published")
    assert statsd.lines() == ["airflow.sluice.runs,export=people,outcome=published:1|c"]


def test_no_run_fails_because_of_its_metrics(caplog: pytest.LogCaptureFixture) -> None:
    def down() -> Any:
        raise RuntimeError("no backend")

    stats.initialize(factory=down, export_legacy_names=True)
    metrics.sent("people", Measured())
    assert "were not emitted" not in caplog.text, "there was nothing to emit"
    metrics.ended("people", "published")
    assert "metrics of export people were not emitted" in caplog.text


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("2026-03-09T04:00:00+00:00", 300), ("2026-03-09 04:00:00", 300), ("20260309", 60), ("8213", 60), (None, 60)],
)
def test_the_lag_is_that_of_the_oldest_feed(until: str | None, seconds: float) -> None:
    feeds = {"a": FeedReport(read=1, selected=1, until=until), "b": FeedReport(read=1, selected=1)}
    at = datetime(2026, 3, 9, 4, 5, tzinfo=UTC)
    began = (at - timedelta(seconds=60)).isoformat()
    report = Report(
        export="a",
        run="r",
        flow_run_id="f",
        outcome="published",
        started_at=began,
        ended_at=at.isoformat(),
        feeds=feeds,
    )
    assert metrics.lag(report, at) == seconds
    assert metrics.lag(report, at - timedelta(days=1)) == 0, "a clock that is behind"


def prometheus(metric: metrics.Metric) -> set[str]:
    """The names of a metric in Prometheus, from OpenTelemetry's."""
    name = f"airflow_{metric.name.replace('.', '_')}"
    if metric.kind == "counter":
        return {f"{name}_total"}
    return {name} if metric.kind == "gauge" else {f"{name}_milliseconds"}


def queries() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_the_dashboard_uses_the_metrics_that_exist_and_all_of_them() -> None:
    used = {name for query in queries() for name in re.findall(r"airflow_sluice_\w+", query)}
    assert used == set().union(*map(prometheus, metrics.METRICS))


def test_the_dashboard_groups_by_tags_that_exist() -> None:
    for query in queries():
        (metric,) = [one for one in metrics.METRICS for name in prometheus(one) if re.search(rf"{name}\b", query)]
        by = {tag for tags in re.findall(r"by \(([^)]*)\)", query) for tag in tags.split(", ")}
        filtered = set(re.findall(r"[{,]\s*(\w+)\s*[=!~]", query))
        assert by | filtered <= {"export", *metric.tags}, query


def test_every_metric_is_on_its_page() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    for metric in metrics.METRICS:
        assert f"| `{metric.name}` | {metric.kind} | {metric.says} |" in page
