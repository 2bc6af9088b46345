"""The verdicts of guardrails that a project may change."""

from __future__ import annotations

from typing import Literal

from sluice.model.declared import Declared


class Guardrails(Declared):
    """Verdicts of guardrails. `sluice guardrails` lists all of them, also those that exports and connections change."""

    default_end: Literal["warn", "inform", "off"] = "warn"
    """A dataset export whose end date is a default."""
    agreed_end: Literal["warn", "inform", "off"] = "warn"
    """A dataset export that gets its end from `licence.default_end`."""
    schema_change: Literal["hold", "warn", "inform", "off"] = "warn"
    """A delivery whose columns differ from those of the delivery before."""
    clipped_chunks: Literal["warn", "inform", "off"] = "warn"
    """A number of records per chunk that the target's profile changes."""
    mixed_folder: Literal["warn", "inform", "off"] = "warn"
    """An export whose feeds share one folder."""
    undated_events: Literal["warn", "inform", "off"] = "inform"
    """A dataset export of events without a declared `time`, so that old rows cannot be left out."""
    first_delivery: Literal["warn", "inform", "off"] = "inform"
    """A run of an incremental export that delivers every row, because nothing was delivered before."""
    old_rows: Literal["warn", "inform", "off"] = "inform"
    """Rows of events that are left out because they are older than `max_age`."""
    end_soon: Literal["warn", "inform", "off"] = "warn"
    """An export whose schedule ends within 30, 7 or 1 days."""
    dataset_size: Literal["warn", "inform", "off"] = "warn"
    """A dataset of more than 5 billion records that is exported to a connection with `profile: experience-platform`."""
    clipped_files: Literal["warn", "inform", "off"] = "inform"
    """A size of files that the limit of the connection or of the project changes."""
    near_limit: Literal["warn", "inform", "off"] = "warn"
    """A segment that has at least 90 % of the records that its target accepts."""
    same_minute: Literal["warn", "inform", "off"] = "inform"
    """Exports that are due at the same minute."""
    many_segments: Literal["warn", "inform", "off"] = "inform"
    """An export of more than 20 segments."""
    inbound_names: Literal["refuse", "warn", "inform", "off"] = "refuse"
    """Inbound files whose names Audience Manager does not read, such as those for a bucket of your own."""
    customer_attribute_files: Literal["refuse", "warn", "inform", "off"] = "refuse"
    """Files of customer attributes that Experience Cloud does not find or take, such as those for a server of your
    own."""
    customer_attribute_advice: Literal["warn", "inform", "off"] = "warn"
    """Customer attributes that Adobe Target ignores, or more columns than Experience Cloud recommends."""
