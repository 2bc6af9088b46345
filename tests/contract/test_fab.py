"""Rights in a real Airflow with the FAB auth manager: by its database, its API server and its REST API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.airflow.rest import RefusedError, Rest
from sluice.cli import main
from tests.servers.fab import PASSWORD, Fab, fab

EXPORT = "kind: dataset-export\nconnection: {}\ndatasets: [orders]\nmode: full\nschedule: 'off'\n"
FILES = {
    "connections/ours.yaml": "type: local\nairflow_conn_id: out\nshared_with: [marketing]\n",
    "connections/theirs.yaml": "type: local\nairflow_conn_id: out\nshared_with: [finance]\n",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}\n",
    "exports/mine.yaml": EXPORT.format("ours"),
    "exports/foreign.yaml": EXPORT.format("theirs"),
    "exports/broken.yaml": EXPORT.format("nowhere"),
}
DAGS = {"export__mine", "export__foreign", "export__broken", "system_refresh"}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fab]:
    with fab(tmp_path_factory.mktemp("fab")) as airflow:
        yield airflow


@pytest.fixture
def include(tmp_path: Path, airflow: Fab, monkeypatch: pytest.MonkeyPatch) -> Path:
    include = tmp_path / "include"
    for name, text in FILES.items():
        (include / name).parent.mkdir(parents=True, exist_ok=True)
        (include / name).write_text(text)
    for name, value in {"URL": airflow.url, "USER": "admin", "PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(f"SLUICE_AIRFLOW_{name}", value)
    monkeypatch.setenv("SLUICE_INCLUDE", str(include))
    return include


def all_dags_are_there(airflow: Fab, include: Path) -> None:
    stored = airflow.store.store(include)
    assert not stored.refused
    assert set(stored.dags) == DAGS
    assert "exports.py" not in stored.errors, stored.errors["exports.py"]


def allows(client: Rest, method: str, path: str, body: object = None) -> bool:
    """Whether Airflow lets the client do it. Any other refusal fails the test."""
    try:
        client.send(method, f"/api/v2/{path}", body)
    except RefusedError as refused:
        if refused.status == 403:
            return False
        raise
    return True


def dags_of(client: Rest) -> set[str]:
    return {dag["dag_id"] for dag in client.get("dags", exclude_stale=False)["dags"]}


def rights(client: Rest, dag: str) -> str:
    """What Airflow lets the client do with a DAG, in letters: see, edit, run, change a run, remove a run."""
    run = f"dags/{dag}/dagRuns"
    may = {
        "s": allows(client, "GET", f"dags/{dag}"),
        "e": allows(client, "PATCH", f"dags/{dag}", {"is_paused": False}),
        "r": allows(client, "POST", run, {"logical_date": None}),
        "c": allows(client, "PATCH", f"{run}/known", {"note": "seen"}),
        "d": allows(client, "DELETE", f"{run}/known"),
    }
    return "".join(letter for letter, yes in may.items() if yes)


def with_a_run(airflow: Fab, *dags: str) -> None:
    """Each DAG has a finished run `known`."""
    for dag in dags:
        run = f"dags/{dag}/dagRuns"
        airflow.admin.post(run, {"logical_date": None, "dag_run_id": "known"})
        airflow.admin.patch(f"{run}/known", {"state": "failed"})


def test_contributors_run_and_edit_what_is_shared_with_them(
    airflow: Fab, include: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Before the roles exist, DAGs name none, and so none is lost.
    all_dags_are_there(airflow, include)
    assert main(["roles"]) == 1
    printed = capsys.readouterr().out
    for role in ("finance", "marketing", "sluice-viewer"):
        assert f"{role}: does not exist, with can_edit on" in printed
    assert printed.endswith("roles that DAGs grant rights to: none\n")

    assert main(["roles", "--write"]) == 0
    printed = capsys.readouterr().out
    assert (
        "marketing: created, with can_edit on DAG Runs, My Password, My Profile, Task Instances; can_read on" in printed
    )
    assert printed.endswith("roles that DAGs grant rights to: finance, marketing, sluice-viewer\n")
    for again in (["roles"], ["roles", "--write"]):
        assert main(again) == 0
        assert capsys.readouterr().out == "".join(
            f"{role}: exists, with every permission\n" for role in ("finance", "marketing", "sluice-viewer")
        )

    all_dags_are_there(airflow, include)
    contributor = airflow.add_user("anna", "marketing")
    viewer = airflow.add_user("vera", "sluice-viewer")
    both = airflow.add_user("bea", "marketing", "sluice-viewer")
    nobody = airflow.add_user("nora", "Public")
    assert dags_of(contributor) == {"export__mine"}
    assert dags_of(viewer) == dags_of(both) == DAGS
    with pytest.raises(RefusedError):
        dags_of(nobody)
    for client, mine, foreign in ((contributor, "sercd", ""), (viewer, "s", "s"), (both, "sercd", "s")):
        with_a_run(airflow, "export__mine", "export__foreign")
        assert rights(client, "export__mine") == mine
        assert rights(client, "export__foreign") == foreign
        for dag in ("export__mine", "export__foreign"):
            if "d" not in {"export__mine": mine, "export__foreign": foreign}[dag]:
                airflow.admin.send("DELETE", f"/api/v2/dags/{dag}/dagRuns/known", None)
        assert allows(client, "GET", "plugins"), "the page needs it"
        assert not allows(client, "GET", "connections")
        assert not allows(client, "GET", "variables")

    # What is no longer shared is no longer theirs, after the next parse.
    (include / "connections" / "ours.yaml").write_text("type: local\nairflow_conn_id: out\n")
    all_dags_are_there(airflow, include)
    assert rights(contributor, "export__mine") == ""
    assert rights(both, "export__broken") == "s"


def test_a_role_that_does_not_exist_takes_no_export_out_of_airflow(
    airflow: Fab, include: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The connection is shared with a new role before `sluice roles --write` has created it."""
    assert main(["roles", "--write"]) == 0
    ours = include / "connections" / "ours.yaml"
    ours.write_text(ours.read_text().replace("marketing", "marketing, brand new"))
    all_dags_are_there(airflow, include)
    capsys.readouterr()
    assert main(["roles"]) == 1
    assert "brand new: does not exist" in capsys.readouterr().out
    assert main(["roles", "--write"]) == 0
    all_dags_are_there(airflow, include)
    assert dags_of(airflow.add_user("ned", "brand new")) == {"export__mine"}


def test_an_existing_role_keeps_what_it_has(airflow: Fab, include: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pools, dags = ({"action": {"name": "can_read"}, "resource": {"name": name}} for name in ("Pools", "DAGs"))
    airflow.admin.send("POST", "/auth/fab/v1/roles", {"name": "old", "actions": [pools, dags]})
    ours = include / "connections" / "ours.yaml"
    ours.write_text(ours.read_text().replace("marketing", "old"))
    assert main(["roles", "--write"]) == 0
    printed = capsys.readouterr()
    assert "old: given can_edit on DAG Runs" in printed.out
    assert main(["roles"]) == 0
    assert capsys.readouterr().err.endswith(
        "warning: old has can_read on DAGs: it has every DAG, not only shared ones\n"
    )
    kept = airflow.admin.fetch("/auth/fab/v1/roles/old").json()["actions"]
    assert pools in kept
    assert {"action": {"name": "can_read"}, "resource": {"name": "Plugins"}} in kept


def test_a_role_that_was_deleted_by_hand_is_made_again(
    airflow: Fab, include: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Airflow refuses the whole file of exports until then, and names the role."""
    assert main(["roles", "--write"]) == 0
    airflow.admin.send("DELETE", "/auth/fab/v1/roles/finance", None)
    assert "a role named 'finance'" in airflow.store.store(include).errors["exports.py"]
    capsys.readouterr()
    assert main(["roles", "--write"]) == 0
    assert "finance: created" in capsys.readouterr().out
    all_dags_are_there(airflow, include)
