"""`python -m benchmarks.peers PEER WORK SOURCE TARGET`: one peer does one work, in its own process.

SOURCE is a folder of Parquet files, TARGET an empty folder. The last line says how long it took without its start.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(peer: str, work: str, source: str, target: str) -> None:
    """A peer's module has a function for each work that it can do."""
    module = import_module(f"benchmarks.peers.{peer}")
    getattr(module, work)(Path(source), Path(target))


if __name__ == "__main__":
    main(*sys.argv[1:])
