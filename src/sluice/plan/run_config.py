"""The configuration of a run: options of a person or a command that override the export's declaration."""

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

_AGAIN = "correct the run's configuration, and start it again"
_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


class RunConfig(BaseModel):
    """A run's configuration, checked. Every key is optional."""

    model_config = ConfigDict(frozen=True)

    feeds: tuple[str, ...] = ()
    """The feeds to deliver; empty for all."""
    mode: Mode | None = None
    window: Mapping[str, Any] | None = None
    """A slice of time: `{"from": ..., "to": ...}`."""
    dry_run: bool = False
    wake_downstream: bool = False
    release: bool = False
    """Continue if the export would hold the run."""
    again: bool = False
    """Deliver although the export runs once and has delivered."""
    resend: str | None = None
    """An earlier run to send again, by Airflow's id or its flow run id. The bytes are the same."""
    verify: str | None = None
    """An earlier run whose delivery is compared with its manifest, likewise. Nothing is sent."""

    def conf(self) -> dict[str, Any]:
        """The configuration as Airflow's `conf`, without defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def run(self, export: Export, run_id: str, due: datetime, run_type: str) -> Run:
        """The run with this configuration. Raises `DefinitionError` if its slice of time is not valid."""
        window = window_of(export, run_type, due, self.window)
        return Run(
            export=export.name,
            run_id=run_id,
            # A slice of time is due at its end, not at the time of the request, so its folder is always the same.
            export_time=window.until if window else due,
            run_type=run_type,
            only=self.feeds,
            dry_run=self.dry_run,
            mode=self.mode if self.mode != export.mode else None,
            window=window,
            wake_downstream=self.wake_downstream,
            release=self.release,
            again=self.again,
        )


def keys_of(export: Export) -> tuple[str, ...]:
    """The valid keys of a run's configuration. Every export accepts `feeds` in addition to its own key for them. `from`
    and `to` are the `window` as separate fields, for the form."""
    return (
        feed_key(export)[0],
        "mode",
        "from",
        "to",
        "dry_run",
        "wake_downstream",
        "release",
        "again",
        "resend",
        "verify",
        "feeds",
        "window",
    )


def run_config_of(export: Export, conf: Mapping[str, Any] | None) -> RunConfig:
    """Check a run's configuration. Empty values are ignored.

    Raises `DefinitionError` for an unknown key or an invalid value: ignoring a misspelt `mode` would deliver other
    data."""
    given = {key: value for key, value in (conf or {}).items() if not any(value is e or value == e for e in _EMPTY)}
    for key in conf or {}:
        if key not in keys_of(export):
            what = f"unknown key {shown(key)} in the run configuration of {export.name}"
            raise unknown((), key, keys_of(export), what, _AGAIN).error()
    config = RunConfig(
        feeds=_feeds(export, given),
        mode=_mode(given.get("mode")),
        window=_window(given),
        dry_run=_truth("dry_run", given),
        wake_downstream=_truth("wake_downstream", given),
        release=_truth("release", given),
        again=_truth("again", given),
        resend=_text("resend", given),
        verify=_text("verify", given),
    )
    # The form always sends a mode.
    if config.verify and config not in (RunConfig(verify=config.verify, mode=mode) for mode in (None, export.mode)):
        what = f"a run of {export.name} cannot combine `verify` with anything else"
        raise DefinitionError(what, next_step="use `verify` alone: it compares the whole delivery with its manifest")
    if config.resend and (config.feeds or config.window or config.dry_run):
        what = f"a run of {export.name} cannot combine `resend` with feeds, a slice of time or `dry_run`"
        raise DefinitionError(what, next_step="use `resend` alone: it sends the whole earlier delivery unchanged")
    return config


def _feeds(export: Export, given: Mapping[str, Any]) -> tuple[str, ...]:
    own, known = feed_key(export)[0], getattr(export, feed_key(export)[0])
    requested: list[Any] = []
    for key in dict.fromkeys((own, "feeds")):
        value = given.get(key) or []
        requested += value if isinstance(value, list) else [value]
    for name in requested:
        if name not in known:
            what = f"export {export.name} has no feed {shown(name)}"
            raise unknown((), str(name), known, what, "use these names, or leave the list empty for all").error()
    return tuple(name for name in known if name in requested) if set(requested) != set(known) else ()


def _mode(value: Any) -> Mode | None:
    if value is None or value in get_args(Mode):
        return cast("Mode | None", value)
    raise unknown((), str(value), get_args(Mode), f"{shown(value)} is not a mode of a run", _AGAIN).error()


def _window(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    ends = {key: given[key] for key in ("from", "to") if key in given}
    window = given.get("window", ends or None)
    if window is None or (isinstance(window, Mapping) and len(window) == 2):
        return window
    raise DefinitionError(
        f"{f'`{next(iter(ends))}` alone' if ends else shown(window)} is not a slice of time",
        next_step="set both `from` and `to`, in UTC, such as 2026-03-01T00:00 and 2026-03-02T00:00",
    )


def _truth(key: str, given: Mapping[str, Any]) -> bool:
    value = given.get(key, False)
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"`{key}` must be true or false, not {shown(value)}", next_step=_AGAIN)


def _text(key: str, given: Mapping[str, Any]) -> str | None:
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    raise DefinitionError(f"`{key}` must be text, not {shown(value)}", next_step=_AGAIN)
