"""The rules of each family of declarations."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.definition.folder import Family
from sluice.definition.guardrails import (
    agreed_end,
    allowed_command,
    bytes_per_file,
    customer_attributes,
    data_class,
    dataset_format,
    dataset_schedule,
    end_date,
    inbound_names,
    licensed_kind,
    licensed_origin,
    many_segments,
    mixed_folder,
    profile_enabled,
    required_fields,
    same_minute,
    segment_type,
    target_profile,
    undated_events,
)
from sluice.definition.guardrails.rule import DeclarationGuardrail, FolderGuardrail
from sluice.definition.models.project import Settings
from sluice.definition.rules import (
    alerts,
    audience,
    catalog,
    changes,
    clashes,
    connections,
    consent,
    exports,
    hand_over,
    inbound,
    names,
    overrides,
    rows,
    schedules,
    splits,
)
from sluice.definition.rules.known import Rule, refers_to_what_exists
from sluice.model.guardrail import Verdict

RULES: dict[Family, tuple[Rule, ...]] = {
    "connection": (
        refers_to_what_exists,
        connections.folder_fits_its_destination,
        consent.age_of_a_list_is_known,
        hand_over.files_can_be_read_back,
    ),
    "dataset": (
        refers_to_what_exists,
        catalog.contacts_are_contacts_of_accounts,
        catalog.event_id_is_of_events,
        catalog.incremental_fits_its_source,
        consent.data_classes_are_declared,
        consent.data_classes_name_what_exists,
    ),
    "segment": (
        refers_to_what_exists,
        catalog.is_named_like_no_dataset,
        catalog.members_can_be_told_apart,
        catalog.reads_no_circle,
    ),
    "refresh": (catalog.is_the_one_system_refresh,),
    "export": (
        refers_to_what_exists,
        exports.delivers_each_feed_once,
        exports.whole_entities_are_no_events,
        exports.added_rows_can_be_found,
        changes.rows_have_a_key,
        changes.keys_are_delivered,
        exports.fields_fit_every_segment,
        exports.metrics_are_of_every_dataset,
        exports.field_names_differ,
        exports.template_fits_its_fields,
        exports.folder_is_a_path,
        exports.application_is_licensed,
        audience.audience_is_declared,
        audience.audience_is_of_one_segment,
        audience.visitor_id_is_delivered,
        inbound.inbound_names_its_fields,
        inbound.inbound_files_are_read,
        inbound.inbound_changes_can_remove,
        rows.unique_events_name_their_columns,
        consent.age_of_a_list_is_known,
        rows.deviation_is_of_full_deliveries,
        names.file_is_a_name,
        names.file_names_are_unique,
        clashes.feeds_never_share_names,
        names.trigger_is_a_name,
        names.promise_fits_the_schedule,
        hand_over.files_are_batches,
        splits.connection_takes_groups,
        splits.groups_have_names,
        splits.groups_are_of_full_deliveries,
        splits.groups_are_named_like_no_segment,
        overrides.are_of_its_datasets,
        overrides.modes_fit_the_exports,
        overrides.schedules_are_within_the_exports,
        alerts.lateness_has_a_length,
        alerts.receivers_are_listed_once,
        schedules.follows_what_exists,
        schedules.follows_no_circle,
    ),
}
"""Every rule, in the order of its errors. One test covers all of them."""

WARNINGS: dict[Family, tuple[Rule, ...]] = {
    "export": (
        exports.has_a_connection,
        schedules.follows_what_runs,
        splits.something_can_be_split,
    )
}
"""Rules whose problems are only warnings: `sluice check` shows them, and the exports still run."""

GUARDRAILS: tuple[DeclarationGuardrail | FolderGuardrail, ...] = (
    segment_type.RULE,
    required_fields.RULE,
    data_class.RULE,
    dataset_schedule.RULE,
    dataset_format.RULE,
    end_date.REQUIRED,
    end_date.DEFAULT,
    undated_events.RULE,
    mixed_folder.RULE,
    agreed_end.RULE,
    licensed_origin.RULE,
    licensed_kind.RULE,
    profile_enabled.RULE,
    target_profile.FOLDER,
    target_profile.PATHS,
    target_profile.CHUNKS,
    inbound_names.RULE,
    inbound_names.ACL,
    customer_attributes.FILES,
    customer_attributes.FIELDS,
    customer_attributes.ADVISED,
    bytes_per_file.RULE,
    many_segments.RULE,
    allowed_command.RULE,
    same_minute.RULE,
)
"""The guardrails of declarations, in the order of `sluice guardrails`."""


def errors_of(family: Family, settings: Settings) -> Sequence[Rule]:
    """What may be wrong with a declaration, so that it cannot be used."""
    return (*RULES[family], *_of(family, settings, ("refuse",)))


def warnings_of(family: Family, settings: Settings) -> Sequence[Rule]:
    """What may be wrong with a declaration that can be used."""
    return (*WARNINGS.get(family, ()), *_of(family, settings, ("warn",)))


def notes_of(family: Family, settings: Settings) -> Sequence[Rule]:
    """What is worth knowing about a declaration."""
    return _of(family, settings, ("inform",))


def _of(family: Family, settings: Settings, verdicts: Sequence[Verdict]) -> Sequence[Rule]:
    rules = [one for one in GUARDRAILS if isinstance(one, DeclarationGuardrail) and one.family == family]
    return [one.rule for one in rules if one.verdict_in(settings.guardrails) in verdicts]


def of_all(settings: Settings, verdict: Verdict) -> Sequence[FolderGuardrail]:
    """The guardrails that are asked about all exports together."""
    rules = [one for one in GUARDRAILS if isinstance(one, FolderGuardrail)]
    return [one for one in rules if one.verdict_in(settings.guardrails) == verdict]
