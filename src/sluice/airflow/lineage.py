"""Lineage as facets of OpenLineage, if its provider is installed and configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sluice.foreign import said

if TYPE_CHECKING:
    from sluice.delivery.lineage import Column, Lineage, Output
    from sluice.delivery.staging import StagedRun

log = logging.getLogger(__name__)
_NAMED = {
    "identity": ("IDENTITY", "", False),
    "transformation": ("TRANSFORMATION", "", False),
    "hash": ("TRANSFORMATION", "SHA-256 of the value", True),
    "mask": ("TRANSFORMATION", "all but a few characters are replaced", True),
}


def is_on() -> bool:
    """Whether events are sent anywhere."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def collect(staged: StagedRun) -> Lineage | None:
    """The lineage of a run that is published; None if nobody wants it, or it cannot be determined: that never fails the
    run."""
    if not is_on():
        return None
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.lineage import lineage_of
    from sluice.delivery.publish.delivered import Delivery
    from sluice.plan.model import Plan

    connections = AirflowConnections()
    try:
        stage = staged.open(connections)
        plan = stage.read("plan", Plan)
        opened = plan.connection.destination.open(connections, name=plan.connection.name, threads=1)
        with closing(opened) as destination:
            return lineage_of(Delivery.of(plan, stage), destination, connections)
    except Exception as failed:
        log.warning("the lineage of this delivery is not reported: %s", said(failed))
        return None


def facets(lineage: Lineage | None) -> Any:
    """What the provider expects of an operator: datasets in and out, with their facets. None without a lineage."""
    if lineage is None:
        return None
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset

    inputs = [
        InputDataset(namespace=place.namespace, name=place.name, facets={"schema": _schema(columns)} if columns else {})
        for place, columns in lineage.inputs.items()
    ]
    return OperatorLineage(inputs=inputs, outputs=[_output(one) for one in lineage.outputs])


def _output(output: Output) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import column_lineage_dataset as lineage
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    fields = {
        column.name: lineage.Fields(inputFields=list(_inputs(column))) for column in output.columns if column.columns
    }
    chosen = [
        lineage.InputField(
            namespace=place.namespace,
            name=place.name,
            field=name,
            transformations=[lineage.Transformation(type="INDIRECT", subtype="FILTER", description=why)],
        )
        for place, name, why in output.chosen_by
    ]
    return OutputDataset(
        namespace=output.place.namespace,
        name=output.place.name,
        facets={
            "schema": _schema({column.name: column.type for column in output.columns}),
            "columnLineage": lineage.ColumnLineageDatasetFacet(fields=fields, dataset=chosen),
        },
        outputFacets={
            "outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(
                rowCount=output.records, size=output.bytes, fileCount=output.files
            )
        },
    )


def _inputs(column: Column) -> Iterator[Any]:
    from openlineage.client.facet_v2 import column_lineage_dataset as lineage

    subtype, description, masking = _NAMED[column.how]
    how = lineage.Transformation(
        type="DIRECT", subtype=subtype, description=description or column.text, masking=masking
    )
    for name in column.columns:
        place = column.source
        yield lineage.InputField(namespace=place.namespace, name=place.name, field=name, transformations=[how])


def _schema(columns: Any) -> Any:
    from openlineage.client.facet_v2 import schema_dataset as schema

    fields = [schema.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns.items()]
    return schema.SchemaDatasetFacet(fields=fields)
