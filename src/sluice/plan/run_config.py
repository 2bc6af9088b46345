"""The configuration of a run: what a person or a command asks for, in place of what the export declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict

from sluice.definition.errors.problem import shown, unknown
from sluice.definition.models.export import Export
from sluice.definition.references import feed_key
from sluice.errors import DefinitionError
from sluice.model.run import Mode, Run
from sluice.plan.window import window_of

_AGAIN = "correct what the run is started with, and start it again"
_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


class RunConfig(BaseModel):
    """A run's configuration, checked. Every key is optional."""

    model_config = ConfigDict(frozen=True)

    feeds: tuple[str, ...] = ()
    """Only these; all where none is named."""
    mode: Mode | None = None
    window: Mapping[str, Any] | None = None
    """`{"from": ..., "to": ...}`: a slice of time."""
    dry_run: bool = False
    wake_downstream: bool = False
    release: bool = False
    """Go on where the export would hold the run."""
    resend: str | None = None
    """A former run, by Airflow's id or its flow run id: its bytes again."""

    def conf(self) -> dict[str, Any]:
        """The configuration that asks for this."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def run(self, export: Export, run_id: str, due: datetime, run_type: str) -> Run:
        """The run that comes of it. Raises `DefinitionError` where its slice of time is none."""
        window = window_of(export, run_type, due, self.window)
        return Run(
            export=export.name,
            run_id=run_id,
            # A slice of time is due at its end, whenever someone asks for it: its folder is the same each time.
            export_time=window.until if window else due,
            run_type=run_type,
            only=self.feeds,
            dry_run=self.dry_run,
            mode=self.mode if self.mode != export.mode else None,
            window=window,
            wake_downstream=self.wake_downstream,
            release=self.release,
        )


def keys_of(export: Export) -> tuple[str, ...]:
    """What a run's configuration may hold. `feeds` is understood by every export, whatever its own word for them is;
    `from` and `to` are the `window` as a form asks for it."""
    return (
        feed_key(export)[0],
        "mode",
        "from",
        "to",
        "dry_run",
        "wake_downstream",
        "release",
        "resend",
        "feeds",
        "window",
    )


def run_config_of(export: Export, conf: Mapping[str, Any] | None) -> RunConfig:
    """What a run's configuration asks for; empty values ask for nothing.

    Raises `DefinitionError` for a key that means nothing: a misspelt `mode` would deliver something else."""
    given = {key: value for key, value in (conf or {}).items() if not any(value is e or value == e for e in _EMPTY)}
    for key in conf or {}:
        if key not in keys_of(export):
            what = f"a run of {export.name} was started with the unknown key {shown(key)}"
            raise unknown((), key, keys_of(export), what, _AGAIN).error()
    config = RunConfig(
        feeds=_feeds(export, given),
        mode=_mode(given.get("mode")),
        window=_window(given),
        dry_run=_truth("dry_run", given),
        wake_downstream=_truth("wake_downstream", given),
        release=_truth("release", given),
        resend=_text("resend", given),
    )
    if config.resend and (config.feeds or config.window or config.dry_run):
        what = f"a run of {export.name} is to send a former one again, and only a part of it, or nothing"
        raise DefinitionError(what, next_step="`resend` stands alone: what that run has delivered is sent as it was")
    return config


def _feeds(export: Export, given: Mapping[str, Any]) -> tuple[str, ...]:
    own, known = feed_key(export)[0], getattr(export, feed_key(export)[0])
    asked: list[Any] = []
    for key in dict.fromkeys((own, "feeds")):
        value = given.get(key) or []
        asked += value if isinstance(value, list) else [value]
    for name in asked:
        if name not in known:
            what = f"export {export.name} delivers no {shown(name)}"
            raise unknown((), str(name), known, what, "name one of these, or none for all").error()
    return tuple(name for name in known if name in asked) if set(asked) != set(known) else ()


def _mode(value: Any) -> Mode | None:
    if value is None or value in get_args(Mode):
        return cast("Mode | None", value)
    raise unknown((), str(value), get_args(Mode), f"{shown(value)} is no mode of a run", _AGAIN).error()


def _window(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    ends = {key: given[key] for key in ("from", "to") if key in given}
    window = given.get("window", ends or None)
    if window is None or (isinstance(window, Mapping) and len(window) == 2):
        return window
    raise DefinitionError(
        f"{shown(window) if not ends else ' and '.join(ends)} is no slice of time",
        next_step="give both ends, `from` and `to`, in UTC, such as 2026-03-01T00:00 and 2026-03-02T00:00",
    )


def _truth(key: str, given: Mapping[str, Any]) -> bool:
    value = given.get(key, False)
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"`{key}` is {shown(value)}: it is true or false", next_step=_AGAIN)


def _text(key: str, given: Mapping[str, Any]) -> str | None:
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    raise DefinitionError(f"`{key}` is {shown(value)}: it is a text", next_step=_AGAIN)
