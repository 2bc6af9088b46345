"""The plan as text, for people: the same value that a run follows."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.plan.model import Feed, Plan


def explain(plan: Plan) -> str:
    """What a run would do, one line a fact, without a trailing newline."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    export, connection, chunks = plan.export, plan.connection, plan.export.chunks
    yield f"{export.name}: {export.kind} to {connection.name} ({connection.destination.type})"
    yield f"  waits for   {', '.join(plan.refreshes) or 'nothing'}"
    for feed in plan.feeds:
        yield from _feed(plan, feed)
    options = plan.format.model_dump(mode="json", exclude={"type"}, exclude_none=True)
    yield f"  format      {plan.format.type}: {', '.join(f'{key} {value!r}' for key, value in options.items())}"
    tasks = f"up to {chunks.shards} tasks a feed"
    yield f"  chunks      {chunks.records:,} records each, {chunks.threads} at once, in {tasks}"
    pause = chunks.retry_delay.total_seconds()
    yield f"  retries     {chunks.retries} of a chunk, the first after {pause:g} s; {export.retries} of a task"
    yield f"  manifest    {below(plan, plan.manifest)}"


def _feed(plan: Plan, feed: Feed) -> Iterator[str]:
    rule = feed.segment and (feed.segment.where or feed.segment.sql)
    yield f"  feed        {feed.name}: {f'{feed.dataset.name} where {rule}' if rule else f'all of {feed.dataset.name}'}"
    if feed.fields is not None:
        yield f"    fields    {', '.join(spec.output for spec in feed.fields)}"
        required = [spec.output for spec in feed.fields if spec.required]
        if required:
            yield f"    requires  {', '.join(required)}: rows without are set aside and counted"
    yield f"    folder    {below(plan, feed.folder) or '/'}"
    yield f"    parts     {plan.part_name(feed, 0).rsplit('/', 1)[-1]}, ..."


def below(plan: Plan, name: str) -> str:
    """A name below the connection's folder, as seen from above that folder."""
    return f"{plan.connection.destination.folder.strip('/')}/{name}".strip("/")
