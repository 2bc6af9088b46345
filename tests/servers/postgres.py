"""A real PostgreSQL: the one that a local Airflow keeps its metadata in, in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path

from local import postgres
from local.layout import Layout
from local.place import place_of
from local.process import Process
from sluice.model.access import SqlAccess


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


class Database:
    """A PostgreSQL that starts when the first test asks for its address. Close it."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def execute(self, *statements: str) -> None:
        """Run these, and commit."""
        import psycopg2  # ADBC reads all types of the database at each start, which takes ten times as long

        address = self.address.replace("+psycopg2", "")
        with closing(psycopg2.connect(address)) as opened, opened as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    @cached_property
    def address(self) -> str:
        folder = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="sluice-postgres-")))
        folder.chmod(0o755)
        return self._running.enter_context(server(folder))

    def access(self, role: str = "", password: str = "") -> SqlAccess:
        """As its owner, or as another role."""
        there = self.address.rpartition("@")[2]
        uri = f"postgresql://{role}:{password}@{there}" if role else self.address
        return SqlAccess(uri=uri, conn_type="postgres", connect=lambda: None)

    def close(self) -> None:
        self._running.close()
