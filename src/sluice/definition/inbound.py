"""The format of an export that delivers inbound files of Audience Manager, completed from its `audience`."""

from __future__ import annotations

from typing import Any

from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase
from sluice.formats.audience_manager import Inbound


def inbound_of(export: ExportBase, connection: Connection) -> Inbound | None:
    """The format with the visitor's id and the trait of the export's audience, as far as it declares neither. None if
    the export has another format."""
    form, audience = export.format or connection.format, getattr(export, "audience", None)
    if not isinstance(form, Inbound):
        return None
    if audience is None or connection.audience_manager is None or form.content == "ids":
        return form
    own: dict[str, Any] = {} if form.user_id else {"user_id": audience.visitor_id}
    if not form.traits:
        own["traits"] = (audience.in_file(connection.audience_manager.data_provider),)
    return form.model_copy(update=own)
