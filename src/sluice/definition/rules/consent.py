"""Rules of consent and suppression."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.connection import Connection
from sluice.definition.models.data_classes import demanded
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.known import Known
from sluice.destinations import DESTINATIONS


def age_of_a_list_is_known(declared: ExportBase | Connection, known: Known) -> Iterator[Problem]:
    """A database does not say when a table was written."""
    for index, rule in enumerate(declared.suppress):
        dataset = known.get("dataset", rule.dataset)
        if rule.max_age is not None and dataset is not None and dataset.source.type == "sql":
            what = f"`{rule.dataset}` is read from a database, which does not say when it was written"
            yield Problem(("suppress", index, "max_age"), what, "delete `max_age`, or provide the list as files")


def data_classes_are_declared(dataset: Dataset, known: Known) -> Iterator[Problem]:
    """A class that says nothing would be taken for one that demands something."""
    classes = known.project.data_classes
    for name, column in dataset.columns.items():
        if column.data_class is not None and not demanded(column.data_class, classes):
            what = f"no data class is named `{column.data_class}`"
            advice = "declare what it demands under `data_classes` in project.yaml; `{}` demands nothing"
            path = ("columns", name, "class")
            words = (column.data_class, column.data_class.split(".")[0])
            found = [unknown(path, word, classes, what, advice) for word in words]
            yield next((one for one in found if one.nearest), found[0])


def data_classes_name_what_exists(dataset: Dataset, known: Known) -> Iterator[Problem]:
    """A misspelt connection or type would allow no export at all."""
    connections, types = sorted(known.names("connection")), sorted(DESTINATIONS)
    for name, column in dataset.columns.items():
        path = ("columns", name, "class")
        for above, demand in demanded(column.data_class or "", known.project.data_classes).items():
            whose, advice = f"the data class `{above}` allows", "correct `data_classes` in project.yaml"
            for one in demand.connections:
                if one not in connections and not known.unreadable("connection"):
                    yield unknown(
                        path, one, connections, f"{whose} the connection `{one}`, which does not exist", advice
                    )
            for one in demand.to:
                if one not in types:
                    yield unknown(
                        path, one, types, f"{whose} destinations of type `{one}`, which does not exist", advice
                    )
