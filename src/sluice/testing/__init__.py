"""The exam that every connector passes, whatever it is: for connectors of other packages, and for our own.

Install the extra `testing` next to what your connector needs. Subclass the exam of its family in a module of tests, and
override the fixtures that say how one of yours is opened; pytest collects every test of the exam. Three fixtures are
required for a source (`config`, `connections`, `write`), two for a format (`format`, `read`) and two for a destination
(`config`, `connections`). The other fixtures are claims: override one if your connector differs from its default.

    from sluice.testing import DestinationExam, Known

    class TestMine(DestinationExam):
        @pytest.fixture
        def config(self):
            return Mine(type="mine", airflow_conn_id="mine", folder="exam")

        @pytest.fixture
        def connections(self, tmp_path):
            return Known(mine=FolderAccess(tmp_path))

The exam needs pytest, and nothing else of Sluice imports it.
"""

from __future__ import annotations

import pytest

for _module in ("destinations", "formats", "sources"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from sluice.testing.destinations import DestinationBasics, DestinationExam  # noqa: E402 - their asserts are rewritten
from sluice.testing.formats import FormatExam  # noqa: E402
from sluice.testing.known import Known  # noqa: E402
from sluice.testing.sources import SourceExam  # noqa: E402

__all__ = ["DestinationBasics", "DestinationExam", "FormatExam", "Known", "SourceExam"]
