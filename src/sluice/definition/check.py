"""The rules of each family of declarations."""

from __future__ import annotations

from sluice.definition.folder import Family
from sluice.definition.rules import alerts, catalog, changes, connections, exports, names, rows, schedules
from sluice.definition.rules.known import Rule, refers_to_what_exists

RULES: dict[Family, tuple[Rule, ...]] = {
    "connection": (
        connections.folder_fits_its_destination,
        names.folder_fits_the_profile,
    ),
    "dataset": (refers_to_what_exists, catalog.incremental_fits_its_source),
    "segment": (
        refers_to_what_exists,
        catalog.is_named_like_no_dataset,
        catalog.is_a_segment_of_entities,
        catalog.reads_no_circle,
    ),
    "refresh": (catalog.is_the_one_system_refresh,),
    "export": (
        refers_to_what_exists,
        exports.delivers_each_feed_once,
        exports.target_takes_its_kinds,
        exports.whole_entities_are_no_events,
        exports.added_rows_can_be_found,
        changes.rows_have_a_key,
        changes.keys_are_delivered,
        exports.fields_fit_every_segment,
        exports.sends_what_the_target_requires,
        exports.field_names_differ,
        exports.template_fits_its_fields,
        exports.folder_is_a_path,
        rows.unique_events_name_their_columns,
        rows.deviation_is_of_full_deliveries,
        names.file_is_a_name,
        names.file_names_are_unique,
        names.path_fits_the_profile,
        alerts.lateness_has_a_length,
        alerts.receivers_are_listed_once,
        schedules.follows_what_exists,
        schedules.follows_no_circle,
        schedules.datasets_end,
    ),
}
"""Every rule, in the order of its errors. One test covers all of them."""

WARNINGS: dict[Family, tuple[Rule, ...]] = {
    "export": (
        schedules.datasets_end_by_default,
        names.chunks_are_clipped,
    )
}
"""Rules whose problems are only warnings: `sluice check` shows them, and the exports still run."""
