"""How a run ended is said even if the task that knew it has died without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.delivery.abort import Aborted
from sluice.delivery.report.ending import Verdict, ending

NOTHING = Aborted(published=False)


@dataclass
class Tasks:
    states: Mapping[str, str]
    said: Mapping[str, Verdict] = field(default_factory=dict)

    def verdict(self, task: str) -> Verdict | None:
        return self.said.get(task)


def test_a_process_that_was_killed_is_named_by_its_task() -> None:
    """As by the kernel, when the worker is out of memory."""
    found = ending(
        Tasks({"extract": "success", "upload_0": "success", "upload_1": "failed", "publish": "failed"}), NOTHING
    )
    assert found.outcome == "failed"
    assert found.page.startswith("it failed in upload_1, publish: its process died, or someone ended it")
    assert "next: check the log of the task" in found.page


def test_a_task_that_spoke_is_believed() -> None:
    tasks = Tasks(
        {"upload_0": "failed", "publish": "failed"}, {"upload_0": Verdict(kind="failed", page="the disk is full")}
    )
    assert ending(tasks, NOTHING).page == "the disk is full"


def test_a_published_run_is_published_whatever_died_afterwards() -> None:
    assert ending(Tasks({"publish": "failed"}), Aborted(published=True)).outcome == "published"
