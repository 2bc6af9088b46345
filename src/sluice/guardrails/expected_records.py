"""An export expects a number of records."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.models.rows import Expect
from sluice.guardrails.act import THEN
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    expect = plan.export.expect
    said = expect.model_dump(mode="json", exclude={"on_breach"}, exclude_none=True)
    limits = ", ".join(f"{key} {value}" for key, value in said.items())
    return f"{THEN[expect.on_breach]} unless each feed has {limits}" if said else None


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    expect = plan.export.expect
    for feed in facts.feeds:
        for breach in _breaches(expect, feed.records, _mean(facts, feed.name, expect)):
            yield Finding(expect.on_breach, f"{feed.name}: {breach}")


def _mean(facts: Facts, feed: str, expect: Expect) -> float | None:
    return None if expect.max_deviation is None else facts.mean(feed)


def _breaches(expect: Expect, records: int, mean: float | None) -> Iterator[str]:
    if expect.min_records is not None and records < expect.min_records:
        yield f"{records:,} records, but `expect.min_records` is {expect.min_records:,}"
    if expect.max_records is not None and records > expect.max_records:
        yield f"{records:,} records, but `expect.max_records` is {expect.max_records:,}"
    most = expect.max_deviation
    if most is not None and mean is not None and abs(records - mean) > most * mean:
        how_far = f"{(records - mean) / mean:+.0%} from" if mean else "away from"
        yield (
            f"{records:,} records, {how_far} the mean of the last deliveries ({mean:,.0f}), but"
            f" `expect.max_deviation` is {most * 100:.4g}%"
        )


RULE = RunGuardrail(
    name="expected-records",
    stage="extract",
    verdict="refuse",
    says="Each feed has as many records as the export expects.",
    source="Sluice",
    change="`expect` of the export, with `on_breach` as the verdict",
    example="expect: {min_records: 1000, max_deviation: 50%, on_breach: hold}",
    describe=_describe,
    check=_check,
)
