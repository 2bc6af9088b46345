"""An upgrade of Airflow: what Sluice uses of it outside its public interface is still there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from airflow import __version__

from sluice.airflow import private

SOURCE = Path(inspect.getfile(private))
READ = {
    "airflow.sdk.execution_time.comms": "CommsDecoder.send CommsDecoder.asend"
    " GetDRCount.dag_id GetDRCount.states GetDRCount.run_ids DRCount.count"
    " GetPreviousDagRun.dag_id GetPreviousDagRun.logical_date PreviousDagRunResult.dag_run DagResult.is_paused"
    " ErrorResponse.detail",
    "airflow.sdk.execution_time.context": "AssetStateStoreAccessor.get AssetStateStoreAccessor.aget"
    " AssetStateStoreAccessor.set TaskStateStoreAccessor.get TaskStateStoreAccessor.set",
    "airflow.sdk.execution_time.task_runner": "RuntimeTaskInstance.get_dag RuntimeTaskInstance.get_dagrun_state"
    " RuntimeTaskInstance.get_task_states RuntimeTaskInstance.get_dr_count RuntimeTaskInstance.rendered_map_index",
}
"""By module, what is called or read of the objects that are imported, or that Airflow hands over."""
VARIABLE, LOGGER = "_AIRFLOW_PROCESS_CONTEXT", "airflow.sdk._shared.secrets_masker"


def imported() -> Iterator[tuple[str, str]]:
    """The modules and names that the file imports from Airflow, anywhere in it."""
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflow"):
            yield from ((str(node.module), name.name) for name in node.names)


def read() -> Iterator[tuple[str, str]]:
    yield from ((module, name) for module, names in READ.items() for name in names.split())


@pytest.mark.parametrize(("module", "name"), sorted({*imported(), *read()}))
def test_airflow_has(module: str, name: str) -> None:
    assert exists(module, name), f"Airflow {__version__} has no {module}.{name}: see why {SOURCE.name} needs it"


def exists(module: str, name: str) -> bool:
    """As a module, as a name in one or declared in one, or as an attribute or a field of a class in one."""
    first, *rest = name.split(".")
    try:
        here = import_module(module)
        if first not in {*vars(here), *inspect.get_annotations(here)}:
            import_module(f"{module}.{first}")
    except ModuleNotFoundError:
        return False
    found = getattr(here, first, None)
    return not rest or hasattr(found, rest[0]) or rest[0] in getattr(found, "model_fields", ())


def test_airflow_has_what_is_only_text() -> None:
    """Nothing fails without these: a command reads other connections, and says more; a fork imports by itself."""
    forked = {private.TASK_RUNNER, private.PARSER}
    assert set(re.findall(r'"(_AIRFLOW_\w+|airflow\.[\w.]+)"', SOURCE.read_text())) == {VARIABLE, LOGGER} | forked
    assert exists(private.TASK_RUNNER, "main"), "the task's process runs another module"
    assert exists(private.PARSER, "_parse_file_entrypoint"), "the parsing process runs another module"
    supervisor = inspect.getsource(import_module("airflow.sdk.execution_time.supervisor"))
    assert VARIABLE in supervisor, f"Airflow {__version__} no longer reads {VARIABLE}"
    assert exists(*LOGGER.rsplit(".", 1)), f"Airflow {__version__} has no {LOGGER}"
