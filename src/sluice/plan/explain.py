"""The plan as text: the same value that a run follows, readable for people."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.models.chunks import ChunkRules, clipped
from sluice.definition.models.export import overrides_of
from sluice.model.declared import spell_duration
from sluice.plan.model import Feed, Plan, named


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
    if limit := connection.rules.limit(export.time_limit):
        yield f"  time limit  {spell_duration(limit)} for each attempt of a task"
    if export.when_empty == "file":
        yield "  if empty    an empty file for each feed without rows"
    yield from _names(plan)
    yield f"  manifest    {below(plan, plan.manifest)}"
    if plan.connection.hand_over:
        yield f"  hand-over   each file is posted to {plan.connection.hand_over.address}"
    if export.log is not None:
        yield f"  log         {below(plan, plan.log) if plan.log else f'{plan.log_name}, in staging'}"
    if plan.command and export.follow_up:
        words = " ".join([plan.command.program, *export.follow_up.arguments])
        once, most = " once per file," if export.follow_up.once_per == "file" else "", plan.command.time_limit
        yield f"  then        {export.follow_up.command}:{once} {words}, at most {spell_duration(most)}"


def _names(plan: Plan) -> Iterator[str]:
    """What is declared of names without the run's id, and of trigger files."""
    names = plan.export.names
    if names.replaces:
        yield "  names       replace those of the delivery before"
    elif names.promise != "run":
        yield f"  names       one delivery per {names.promise}; a second one due in the same {names.promise} is refused"
    if names.trigger:
        beside = (
            f"a file beside each part, *{names.trigger.suffix}" if names.trigger.suffix else below(plan, plan.trigger)
        )
        yield f"  trigger     {beside}, {names.trigger.written.replace('-', ' the ')}"


def _size(chunks: ChunkRules) -> str:
    if chunks.bytes is None:
        return f"{chunks.records:,} records each"
    records = "" if chunks.records is None else f" and {chunks.records:,} records"
    return f"files of at most {chunks.bytes:,} bytes{records}"


def _feed(plan: Plan, feed: Feed) -> Iterator[str]:
    rule, of = feed.segment and (feed.segment.where or feed.segment.sql), (feed.through or feed.dataset).name
    yield f"  feed        {feed.name}: {f'{of} where {rule}' if rule else f'all of {of}'}"
    if feed.through:
        yield f"    contacts  {feed.dataset.name}, by their {feed.member}: {plan.connection.name} takes no accounts"
    if (override := overrides_of(plan.export).get(feed.name)) and override.schedule:
        yield f"    due       {override.schedule.says}; scheduled runs in between leave it out"
    if feed.fields is not None:
        yield f"    fields    {', '.join(spec.output for spec in feed.fields)}"
        required = [spec.output for spec in feed.fields if spec.required]
        if required:
            yield f"    requires  {', '.join(required)}"
    if plan.most and feed.segment:
        name = feed.segment.name
        yield f"    groups    of at most {plan.most:,} records: {name}, {name}-2, {name}-3, ..."
    yield f"    folder    {below(plan, named(feed.folder, 0)) or '/'}"
    yield f"    parts     {first_part(plan, feed)}, ..."


def first_part(plan: Plan, feed: Feed) -> str:
    """The name of a feed's first part, without its folder."""
    return plan.part_name(feed, 0).rsplit("/", 1)[-1]


def tree(plan: Plan) -> list[str]:
    """The paths of the first part of each feed, and of the manifest."""
    parts = [below(plan, plan.part_name(feed, 0)) for feed in plan.feeds]
    return [*parts, below(plan, plan.manifest)]


def below(plan: Plan, name: str) -> str:
    """A name that is relative to the connection's folder, with that folder in front."""
    return f"{plan.connection.destination.folder.strip('/')}/{name}".strip("/")
