"""Exports of customer records (CRS) become exports of customer attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.errors import DefinitionError
from sluice.workbench.imports import Outcome
from tests.unit.workbench import importing
from tests.unit.workbench.importing import declared, line
from tests.unit.workbench.samples import ARGUMENTS, CRS
from tests.unit.workbench.variants import SERVERS


def imported(include: Path, *changes: tuple[str, str], crs: str = "") -> Outcome:
    return importing.imported(include, *changes, stem="Customers", text=CRS, crs=crs, servers=SERVERS)


def test_attributes_become_a_file_with_a_trigger_in_the_root_of_an_account(include: Path) -> None:
    found = imported(include, crs="customer-attributes")

    assert declared(found, "customers") == {
        "kind": "segment-export",
        "title": "Customers",
        "connection": "customer-attributes",
        "segments": ["all-page-views"],
        "fields": [
            {"field": "Tracking ID", "required": True},
            {"field": "PID", "as": "product"},
            {"metric": "Page_Views", "as": "views"},
        ],
        "format": {"type": "customer-attributes"},
        "chunks": {"bytes": "4 GB"},
        "folder": "/",
        "file": {"name": "crs-test_%RUN_ID%_%PART%", "trigger": {"suffix": ".fin", "after": "name"}},
        "manifest": {"folder": "manifests"},
        "schedule": "once",
        "time_limit": "30m",
    }
    assert declared(found, "customer-attributes") == {
        "type": "sftp",
        "title": "Customer attributes",
        "airflow_conn_id": "customer_attributes",
        "check_size": False,
    }
    assert found.secrets == (
        "sluice airflow connections add customer_attributes --conn-type sftp --conn-host @CRS_HOST"
        " --conn-login @CRS_USER --conn-password @CRS_PASSWORD",
    )


def test_every_parameter_has_its_line(include: Path) -> None:
    found = imported(include, crs="customer-attributes")

    says = {one.parameter: (one.verdict, one.becomes) for one in found.report}
    attribute = "CRS Configuration > CRS Attributes > 0"
    assert says[f"{attribute} > Attribute Name"] == ("taken", "fields: as: product")
    assert says[f"{attribute} > Field Name"] == ("taken", "fields: PID")
    assert says[f"{attribute} > Attribute Type(int,string)"][0] == "left out"
    assert says["CRS Configuration > Visitor ID Field"][0] == "taken"
    assert "finds customers by the Visitor ID Field" in says["CRS Configuration > ECID Field"][1]
    assert says["CRS Configuration > Report Suite > 0"][0] == "left out"
    assert says["Output Fields > 2 > Field Name"] == ("left out", "no CRS Attribute has this field")
    assert says["Command Arguments"] == ("taken", "connection: customer-attributes")
    assert not any("unknown" in becomes for _, becomes in says.values())


def test_a_declared_connection_is_used_as_it_is(include: Path) -> None:
    path = include / "connections" / "adobe.yaml"
    path.parent.mkdir()
    path.write_text("{type: local, airflow_conn_id: out}\n")

    found = imported(include, crs="adobe")

    assert declared(found, "customers")["connection"] == "adobe"
    assert found.secrets == ()
    assert [draft.path.name for draft in found.drafts] == ["customers.yaml", "segments.yaml"]


def test_without_an_account_the_export_is_detached(include: Path) -> None:
    found = imported(include)

    assert "connection" not in declared(found, "customers")
    assert declared(found, "customers")["format"] == {"type": "customer-attributes"}
    assert "without --crs, the export is detached" in line(found, "Command Arguments")


def test_a_server_that_the_arguments_name_is_the_account(include: Path) -> None:
    found = imported(include, (ARGUMENTS, r"sftp \"%file%\" Partner . -p"), crs="unused")

    assert declared(found, "customers")["connection"] == "partner"
    assert declared(found, "partner")["check_size"] is False


def test_without_a_visitor_id_the_ecid_is_the_customers(include: Path) -> None:
    found = imported(include, ("Visitor ID Field = string: Tracking ID", "Visitor ID Field = string:"))

    assert declared(found, "customers")["fields"][0] == {"field": "hit", "required": True}
    assert "the alias of the attribute source" in line(found, "CRS Configuration > ECID Field")


def test_without_attributes_it_is_left_out(include: Path) -> None:
    start, end = CRS.index("CRS Attributes"), CRS.index("ECID Field")

    found = imported(include, (CRS[start:end], "CRS Attributes = vector: 0 items\n"), crs="account")

    assert "connection" not in declared(found, "customers")
    assert "has no CRS Attributes" in line(found, "Command")
    assert line(found, "CRS Configuration > ECID Field").partition(": ")[2].startswith("left out")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("Field Name = string: =Page_Views\nECID", "Field Name = string: =Page_View\nECID"), "no Output Field"),
        (("Type(int,string) = string: int", "Type(int,string) = string: float"), "expected int or string"),
        (("Name = string: views", "Name = string: page.views"), "it contains '.'"),
        (("Name = string: views", "Name = string: Product"), "two columns would be named `Product`"),
        (("ECID Field = string: hit\nReport", "ECID Field = string:\nReport"), ""),
    ],
)
def test_what_experience_cloud_would_not_take_is_refused_at_its_line(
    include: Path, change: tuple[str, str], says: str
) -> None:
    if not says:  # only without a Visitor ID Field is the other one needed
        change, says = (change[0], change[1]), "has no ECID Field"
        changes = [change, ("Visitor ID Field = string: Tracking ID", "Visitor ID Field = string:")]
    else:
        changes = [change]
    with pytest.raises(DefinitionError) as refused:
        imported(include, *changes)
    assert says in refused.value.page()
    assert refused.value.place
    assert refused.value.place.file == "Customers.export"
    assert "nothing was written" in refused.value.page()


@pytest.mark.parametrize("name", ["../x", "Upper", "a b", "x" * 101, "a/b"])
def test_an_account_has_the_name_of_a_connection(include: Path, name: str) -> None:
    with pytest.raises(DefinitionError, match="cannot be the name of a connection"):
        imported(include, crs=name)
