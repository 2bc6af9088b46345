"""`python -m benchmarks.own EXPORT ROOT LAKE OUT`: one run of Sluice outside Airflow, as every step would do it.

The last line says how long it took without the imports, and what the run's own report says.
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.clock import clock
from benchmarks.world import World
from sluice.definition.load import load, load_export
from sluice.delivery.chunk import chunk
from sluice.delivery.commit.watermark import NoWatermarks
from sluice.delivery.extract import extract
from sluice.delivery.publish.publish import publish
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts
from sluice.delivery.upload.upload import upload
from sluice.model.run import Run
from sluice.plan.build import build
from sluice.refresh.evaluate import evaluate_segment

ENGINES = ("isal.isal_zlib", "polars", "pyarrow.compute", "pyarrow.fs", "pyarrow.parquet")
OF_REFRESH = ("duckdb", "pyarrow.dataset")
"""The steps import these when they need them. They are imported here, before the clock starts, so that
*work* does not count imports."""


def deliver(export: str, world: World) -> Report:
    """From the declaration to the manifest."""
    project, declared = load_export(world.include, export)
    run = Run(export=export, run_id=f"bench__{uuid.uuid4()}", export_time=datetime.now(UTC))
    plan = build(project, declared, run)
    extract(plan, world, NoWatermarks(), datetime.now(UTC))
    staged = StagedRun.of(plan)
    for shard in chunk(staged, world, most=1):
        upload(staged, shard, world, NoReceipts(), lambda _: None)
    return publish(staged, world, NoWatermarks(), datetime.now(UTC))


def main(export: str, root: str, lake: str, out: str) -> None:
    """Run one export, or the refresh of the one segment."""
    world = World(Path(root), Path(lake), Path(out))
    for engine in ENGINES + (OF_REFRESH if export == "refresh" else ()):
        import_module(engine)
    if export == "keys":
        world.forget_rows()
    with clock() as said:
        if export == "refresh":
            project = load(world.include).project
            members = evaluate_segment(project, "top", world, "bench", datetime.now(UTC))
            said |= {"records": members.records}
        else:
            report = deliver(export, world)
            said |= {"records": report.records, "seconds": report.seconds, "files": report.files}


if __name__ == "__main__":
    main(*sys.argv[1:])
