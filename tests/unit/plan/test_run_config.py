"""What a run's configuration asks for, and what it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.definition.models.export import DatasetExport, SegmentExport
from sluice.errors import DefinitionError
from sluice.plan.run_config import keys_of, run_config_of

DUE = datetime(2026, 3, 9, 6, tzinfo=UTC)
SEGMENTS = SegmentExport(name="s", kind="segment-export", connection="c", segments=("vips", "best"), fields=("id",))
DATASETS = DatasetExport(name="d", kind="dataset-export", connection="c", datasets=("a", "b"))


def test_a_form_left_as_it_is_asks_for_nothing() -> None:
    form = {"datasets": [], "mode": "incremental", "dry_run": False, "from": None, "to": None, "resend": None}
    run = run_config_of(DATASETS, {**form, "wake_downstream": False}).run(DATASETS, "r", DUE, "manual")
    assert run == run_config_of(DATASETS, None).run(DATASETS, "r", DUE, "manual")
    assert (run.only, run.mode, run.window, run.time) == ((), None, None, DUE)


def test_everything_at_once() -> None:
    conf = {"datasets": ["b"], "mode": "full", "dry_run": True, "from": "2026-03-01", "to": "2026-03-02T00:00:00Z"}
    asked = run_config_of(DATASETS, {**conf, "wake_downstream": True, "release": True})
    run = asked.run(DATASETS, "r", DUE, "manual")
    assert (run.only, run.mode, run.dry_run, run.wake_downstream, run.release) == (("b",), "full", True, True, True)
    assert str(run.window) == "(2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z]"
    assert run.export_time == datetime(2026, 3, 2, tzinfo=UTC), "a slice is due at its end"


def test_feeds_go_by_their_own_word_and_by_everyones() -> None:
    assert run_config_of(SEGMENTS, {"segments": ["best"]}).feeds == ("best",)
    assert run_config_of(SEGMENTS, {"feeds": ["best"]}).feeds == ("best",)
    assert run_config_of(SEGMENTS, {"feeds": "best"}).feeds == ("best",)
    assert run_config_of(SEGMENTS, {"segments": ["best", "vips"]}).feeds == (), "all of them is the whole export"


@pytest.mark.parametrize(
    ("conf", "says", "nearest"),
    [
        ({"mod": "full"}, "unknown key `mod` in the run configuration", "mode"),
        ({"mode": "ful"}, "`ful` is not a mode of a run", "full"),
        ({"segments": ["bests"]}, "has no feed `bests`", "best"),
        ({"datasets": ["a"]}, "unknown key `datasets` in the run configuration", None),
        ({"from": "2026-03-01"}, "`from` alone is not a slice of time", None),
        ({"window": "yesterday"}, "`yesterday` is not a slice of time", None),
        ({"dry_run": "yes"}, "`dry_run` must be true or false, not `yes`", None),
        ({"resend": 7}, "`resend` must be text, not 7", None),
        ({"resend": "r1", "dry_run": True}, "cannot combine `resend` with feeds, a slice of time or `dry_run`", None),
        ({"verify": 7}, "`verify` must be text, not 7", None),
        ({"verify": "r1", "dry_run": True}, "cannot combine `verify` with anything else", None),
        ({"verify": "r1", "resend": "r1"}, "cannot combine `verify` with anything else", None),
        ({"verify": "r1", "segments": ["best"]}, "cannot combine `verify` with anything else", None),
    ],
)
def test_what_means_nothing_is_refused_with_the_nearest(conf: dict[str, Any], says: str, nearest: str | None) -> None:
    with pytest.raises(DefinitionError) as caught:
        run_config_of(SEGMENTS, conf)
    assert says in caught.value.what
    assert caught.value.nearest == nearest
    assert caught.value.next_step


def test_the_form_verifies_although_it_sends_a_mode() -> None:
    form = {"segments": [], "mode": SEGMENTS.mode, "dry_run": False, "resend": None, "verify": "r1"}
    assert run_config_of(SEGMENTS, form).verify == "r1"
    with pytest.raises(DefinitionError, match="anything else"):
        run_config_of(SEGMENTS, form | {"mode": "changes" if SEGMENTS.mode == "full" else "full"})


def test_a_misspelt_key_without_a_value_is_told_too() -> None:
    with pytest.raises(DefinitionError, match="dryrun"):
        run_config_of(SEGMENTS, {"dryrun": False})


def test_the_known_keys_are_told() -> None:
    assert set(keys_of(SEGMENTS)) >= {"segments", "feeds", "mode", "window", "from", "to", "dry_run", "resend"}
