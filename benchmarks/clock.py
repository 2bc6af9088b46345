"""What a measured process says of itself: when its own work began and ended, on the machine's one clock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def clock() -> Iterator[dict[str, object]]:
    """Times the block and prints it as the process's last line. What the block puts into the value is printed too.

    Everything before the block is the process's start: the interpreter, its imports, a JVM."""
    said: dict[str, object] = {}
    began = time.monotonic()
    yield said
    print(json.dumps({"began": began, "ended": time.monotonic(), **said}), flush=True)
