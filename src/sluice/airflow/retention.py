"""The retention of an export, applied by its runs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.airflow.project import include_folder
from sluice.errors import DefinitionError, SluiceError
from sluice.foreign import said

if TYPE_CHECKING:
    from sluice.definition.models.export import Export

log = logging.getLogger(__name__)


def retire(declared: Export | None) -> None:
    """Remove the old deliveries that the export does not keep, and log each of them. A failure is only logged: it
    concerns other runs, and the next run continues."""
    if declared is None or declared.retention is None:
        return
    from sluice.airflow.connections import AirflowConnections
    from sluice.definition.load import load_export
    from sluice.delivery.cleaning.retention import Retirement

    try:
        project, export = load_export(include_folder(), declared.name)
        connection, staging = project.connections[export.connection], project.settings.staging
        retirement = Retirement(export, connection, staging, AirflowConnections())
        for one in retirement.retire(datetime.now(UTC)):
            log.log(logging.WARNING if one.left else logging.INFO, one.sentence)
    except DefinitionError:
        log.info("nothing is removed: the declaration has changed since this run started, and is not valid")
    except Exception as failed:  # the run is published, and has yet to say so
        what = failed.page() if isinstance(failed, SluiceError) else said(failed)
        log.warning("old deliveries could not be removed; the next run tries again: %s", what)
