"""A real PostgreSQL: the one that a local Airflow keeps its metadata in, in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import postgres
from local.layout import Layout
from local.place import place_of
from local.process import Process


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Gives its SQLAlchemy URL. Everybody must be able to reach `folder`: as root, the server runs as somebody else."""
    layout = Layout(home=folder, root=folder)
    layout.postgres.mkdir(parents=True)
    url = postgres.start(layout)
    try:
        yield url
    finally:
        postgres.stop(Process.recorded(layout.run / "postgres.json"))
        shutil.rmtree(place_of(layout.postgres).folder)
