"""A licence grants a volume of dataset exports in a contract year."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sluice.definition.models.licence import Licence
from sluice.guardrails.act import THEN
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.licence.spell import spell_volume
from sluice.licence.usage import KIND, used_in
from sluice.licence.year import year_of
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

TRAILING = 5
"""The deliveries of the export whose mean bytes per record are the estimate."""
_SOURCE = "Experience Platform: dataset export entitlements"
_CHANGE = "`licence` of the project: `over` is the verdict, `warn_at` the share from which it warns"
_EXAMPLE = "licence: {applications: [{application: real-time-cdp, tier: prime, profiles: 20000000}], over: hold}"
_STEP = "ask for a larger volume and declare it as `licence.volume`, or wait for the next contract year, from {} on"


def _describe_estimate(plan: Plan) -> str | None:
    licence = _licence(plan)
    if licence is None:
        return None
    then = "it is said" if licence.over == "warn" else THEN[licence.over]
    return f"{then} if the run will probably exceed the licence, by the size of its last deliveries"


def _describe(plan: Plan) -> str | None:
    licence = _licence(plan)
    if licence is None:
        return None
    granted, warns = spell_volume(licence.entitlement), spell_volume(licence.warns_from)
    return f"{THEN[licence.over]} if the contract year's deliveries exceed {granted}; from {warns}, it warns"


def _estimate(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """Before anything is sent. A warning is only said here: `publish` gives it, and knows the bytes."""
    licence = _licence(plan)
    if licence is None or _is_delivered(plan, facts):
        return
    records, mean = sum(feed.records for feed in facts.feeds), _bytes_per_record(plan, facts)
    about = round(records * (mean or 0))
    what = f"about {spell_volume(about)} for the {records:,} records of this run" if mean else "this run"
    for found in _found(licence, facts, about, what):
        yield Finding("inform", found.what) if found.verdict == "warn" else found


def _exact(plan: Plan, facts: Facts) -> Iterator[Finding]:
    licence = _licence(plan)
    if licence is not None:
        sent = sum(part.bytes for part in facts.parts)
        yield from _found(licence, facts, sent, f"the {sent:,} bytes of this run")


def _found(licence: Licence, facts: Facts, sent: int, what: str) -> Iterator[Finding]:
    year = year_of(facts.now, licence)
    used, granted = used_in(facts.index(), year), licence.entitlement
    together = used + sent
    so_far = f"{used:,} bytes were delivered in the contract year from {year.start}"
    if together > granted:
        step = _STEP.format(year.end)
        yield Finding(
            licence.over, f"{so_far}; with {what}, that is more than the {granted:,} bytes of the licence", step
        )
    elif together >= licence.warns_from:
        yield Finding("warn", f"{so_far}; with {what}, {together / granted:.1%} of the licence are used")


def _licence(plan: Plan) -> Licence | None:
    return plan.licence if plan.export.kind == KIND else None


def _is_delivered(plan: Plan, facts: Facts) -> bool:
    """Whether the run was published before: then its bytes are among those delivered."""
    last = facts.index().find(plan.export.name, plan.run.run_id)
    return last is not None and last.outcome == "published"


def _bytes_per_record(plan: Plan, facts: Facts) -> float | None:
    """The mean of the last deliveries of the export; None without any."""
    last = facts.index().history(plan.export.name, 20 * TRAILING).records
    found = list(islice((one for one in last if one.outcome == "published" and one.records), TRAILING))
    return sum(one.bytes for one in found) / sum(one.records for one in found) if found else None


ESTIMATE = RunGuardrail(
    name="licence-estimate",
    stage="extract",
    verdict="warn",
    says="What a dataset export will probably send fits in the licence.",
    source=_SOURCE,
    change=_CHANGE,
    example=_EXAMPLE,
    describe=_describe_estimate,
    check=_estimate,
)
VOLUME = RunGuardrail(
    name="licence-volume",
    stage="publish",
    verdict="warn",
    says="The dataset exports of a contract year deliver no more than the licence grants.",
    source=_SOURCE,
    change=_CHANGE,
    example=_EXAMPLE,
    describe=_describe,
    check=_exact,
)
