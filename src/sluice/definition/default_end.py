"""The end that a licence gives to dataset exports without one."""

from __future__ import annotations

from typing import Any

from sluice.definition.models.export import DatasetExport
from sluice.definition.models.licence import Licence
from sluice.definition.models.schedule import ScheduleSpec


def with_default_end(declared: Any, licence: Licence | None) -> Any:
    """The declaration, with the end from `licence.default_end` if it is an export that has to have it. Whatever reads
    the export's schedule sees this end: plans, DAGs and the page."""
    default = licence.default_end if licence else None
    spec = declared.schedule if isinstance(declared, DatasetExport) else None
    if default is None or not isinstance(spec, ScheduleSpec) or not spec.by_the_clock or spec.end or not spec.start:
        return declared
    if spec.start >= default.created_before:
        return declared
    ending = spec.model_copy(update={"end": default.end})
    ending.model_fields_set.discard("end")  # so that it is known as a default
    return declared.model_copy(update={"schedule": ending})


def end_is_default(spec: ScheduleSpec) -> bool:
    """Whether the schedule has its end from the licence."""
    return spec.end is not None and "end" not in spec.model_fields_set
