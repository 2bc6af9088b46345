"""What an object store does in several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.destinations.objects import ObjectStore
from sluice.destinations.s3 import S3
from sluice.errors import FatalError
from sluice.model.origin import Origin


def test_a_removal_that_fails_leaves_none_in_progress() -> None:
    """The run's log says then that nothing is removed any more, and the next attempt sends files of the same names."""
    begun, removed = threading.Event(), list[str]()

    class Store:
        removed_at_once = 1

        def remove(self, keys: Sequence[str]) -> None:
            if keys == ["refused"]:
                begun.wait(60)
                raise FatalError("the store refuses")
            begun.set()
            time.sleep(0.3)
            removed.extend(keys)

    store: Any = Store()
    config = S3.model_validate({"type": "s3", "airflow_conn_id": "out", "bucket": "b"})
    destination = ObjectStore(store, config, Origin("out", "out", "b"), threads=1, address="s3://b")
    with pytest.raises(FatalError, match="the store refuses"):
        destination.remove(["refused", "slow"])
    assert removed == ["slow"]
    destination.close()
