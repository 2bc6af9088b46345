"""The plan as text: the same value that a run follows, readable for people."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.models.chunks import ChunkRules, clipped
from sluice.plan.model import Feed, Plan


def explain(plan: Plan) -> str:
    """What a run would do, one fact per line, without a trailing newline."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    export, connection, chunks = plan.export, plan.connection, plan.chunks
    yield f"{export.name}: {export.kind} to {connection.name} ({connection.destination.type})"
    yield f"  waits for   {', '.join(plan.refreshes) or 'nothing'}"
    for feed in plan.feeds:
        yield from _feed(plan, feed)
    options = plan.format.model_dump(mode="json", exclude={"type"}, exclude_none=True)
    yield f"  format      {plan.format.type}: {', '.join(f'{key} {value!r}' for key, value in options.items())}"
    if connection.profile:
        yield f"  profile     {connection.profile}, from the connection {connection.name}"
    tasks = f"up to {chunks.shards} tasks per feed"
    yield f"  chunks      {_size(chunks)}, {chunks.threads} in parallel, in {tasks}"
    for sentence in clipped(export.chunks, connection.rules):
        yield f"              {sentence}"
    delay = f"{'the first' if chunks.doubling else 'each'} after {chunks.retry_delay.total_seconds():g} s"
    yield f"  retries     {chunks.retries} per chunk, {delay}; {export.retries} per task"
    if export.when_empty == "file":
        yield "  if empty    an empty file for each feed without rows"
    yield f"  manifest    {below(plan, plan.manifest)}"


def _size(chunks: ChunkRules) -> str:
    if chunks.bytes is None:
        return f"{chunks.records:,} records each"
    records = "" if chunks.records is None else f" and {chunks.records:,} records"
    return f"files of at most {chunks.bytes:,} bytes{records}"


def _feed(plan: Plan, feed: Feed) -> Iterator[str]:
    rule = feed.segment and (feed.segment.where or feed.segment.sql)
    yield f"  feed        {feed.name}: {f'{feed.dataset.name} where {rule}' if rule else f'all of {feed.dataset.name}'}"
    if feed.fields is not None:
        yield f"    fields    {', '.join(spec.output for spec in feed.fields)}"
        required = [spec.output for spec in feed.fields if spec.required]
        if required:
            yield f"    requires  {', '.join(required)}"
    yield f"    folder    {below(plan, feed.folder) or '/'}"
    yield f"    parts     {first_part(plan, feed)}, ..."


def first_part(plan: Plan, feed: Feed) -> str:
    """The name of a feed's first part, without its folder."""
    return plan.part_name(feed, 0).rsplit("/", 1)[-1]


def below(plan: Plan, name: str) -> str:
    """A name that is relative to the connection's folder, with that folder in front."""
    return f"{plan.connection.destination.folder.strip('/')}/{name}".strip("/")
