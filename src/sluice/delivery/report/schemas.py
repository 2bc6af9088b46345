"""The columns that an export's deliveries are made from, and when they changed: `deliveries/<export>/schema.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from sluice.definition.models.project import Staging
from sluice.delivery.staging import delivered_before
from sluice.filesystem import Opened
from sluice.model.access import Connections
from sluice.plan.model import Feed

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 50
"""Changes that are remembered."""
_FILE = "schema.json"
Columns = Mapping[str, str]
"""The type of each column, by its name."""


class SchemaChange(BaseModel):
    """A delivery whose columns differ from those of the delivery before."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    run: str
    """Its Airflow run id."""
    changes: tuple[str, ...]
    """A sentence for each column."""


class Schema(BaseModel):
    """The columns of each feed in its last delivery, and the last changes, newest last."""

    model_config = ConfigDict(frozen=True)

    feeds: Mapping[str, Columns] = {}
    history: tuple[SchemaChange, ...] = ()


class Schemas:
    """The remembered schema of one export. It is only information: of two deliveries that end at the same time, one may
    be forgotten."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    @classmethod
    def of(cls, staging: Staging, export: str, connections: Connections) -> Schemas:
        return cls(delivered_before(staging, export, connections))

    def last(self) -> Schema:
        """What is remembered; nothing if another version of Sluice wrote it."""
        try:
            return Schema.model_validate_json(self._opened.find_bytes(_FILE) or b"{}")
        except ValidationError:
            return Schema()

    def delivered(self, feeds: Mapping[str, Columns], run: str, at: AwareDatetime) -> None:
        """Remember the columns of a delivery."""
        before = self.last()
        changes = tuple(
            f"{name}: {what}"
            for name, columns in feeds.items()
            for what in differences(before.feeds.get(name), columns)
        )
        news = (SchemaChange(at=at, run=run, changes=changes),) if changes else ()
        now = Schema(feeds={**before.feeds, **feeds}, history=(*before.history, *news)[-KEPT:])
        if now != before:
            self._opened.write_bytes(_FILE, now.model_dump_json().encode())


def columns_of(feed: Feed, schema: pa.Schema) -> Columns:
    """The columns of the dataset that the feed delivers, or makes its fields from."""
    wanted = None if feed.fields is None else {field.field for field in feed.fields}
    return {one.name: str(one.type) for one in schema if wanted is None or one.name in wanted}


def differences(before: Columns | None, now: Columns) -> Iterator[str]:
    """A sentence for each column that differs; none if there was no delivery before."""
    if before is None:
        return
    yield from (f"column {name} is gone" for name in before if name not in now)
    for name, kind in now.items():
        if name not in before:
            yield f"column {name} ({kind}) is new"
        elif before[name] != kind:
            yield f"column {name} was {before[name]}, and is {kind}"
