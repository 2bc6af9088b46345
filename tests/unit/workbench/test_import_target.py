"""An export to Target hands batch files over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workbench.importing import declared, error, imported, line
from tests.unit.workbench.samples import MMP_CONFIGURATION, titled

TARGET = """TnT Configuration = TnTConfiguration:
  ClientName = string: acme
  Domain Postfix = string: HOST
  MboxHost = string:
  MboxName = string: box
"""


@pytest.mark.parametrize(("host", "url"), [("tt.omtrdc.net", {}), ("example.net", {"url": "https://acme.example.net"})])
def test_an_export_to_target_hands_batch_files_over(include: Path, host: str, url: dict[str, str]) -> None:
    changes = [(MMP_CONFIGURATION, TARGET.replace("HOST", host)), ("ExportIntegration.exe", "TargetBulkUpload.exe")]
    changes += [titled(0, "profile.visits"), titled(1, "thirdPartyId")]

    found = imported(include, *changes)

    assert declared(found, "target-acme") == {
        "type": "local",
        "title": "Adobe Target",
        "airflow_conn_id": "data_workbench_exports",
        "folder": "target",
        "hand_over": {"type": "adobe-target", "client": "acme", **url},
    }
    export = declared(found, "user")
    assert export["connection"] == "target-acme"
    assert export["format"] == {"type": "adobe-target"}, "the key is the default"
    assert export["fields"] == [
        {"field": "PID", "as": "thirdPartyId", "required": True},
        {"field": "Tracking ID", "as": "visits"},
        "SID",
    ]
    assert export["chunks"] == {"bytes": "49 MB", "records": 500_000}
    assert found.secrets == (
        "sluice airflow connections add data_workbench_exports --conn-type fs"
        """ --conn-extra '{"path": "@EXPORTS_FOLDER"}'""",
    )
    assert line(found, "TnT Configuration > MboxName").endswith("an API that calls no mbox")


def test_an_impossible_client_of_target_is_refused_at_its_line(include: Path) -> None:
    wrong = TARGET.replace("acme", "no such/client")
    page = error(include, (MMP_CONFIGURATION, wrong), ("ExportIntegration.exe", "TargetBulkUpload.exe"))
    assert page.startswith("User.export:7:24  this is no client code or address")


@pytest.mark.parametrize(
    ("configuration", "key"),
    [
        (
            "CRS Configuration = CRSConfiguration:\n  ECID Field = string: Tracking ID\n",
            "CRS Configuration > ECID Field",
        ),
        ("TnT Configuration = AnyName:\n  MboxName = string: box\n", "TnT Configuration > MboxName"),
    ],
)
def test_target_and_crs_are_left_out_line_by_line(include: Path, configuration: str, key: str) -> None:
    upload = "Max Timeout Interval = int: 720\n"

    found = imported(include, (MMP_CONFIGURATION, configuration), target=upload)

    assert line(found, key).partition(": ")[2].startswith("left out: ")
    assert "unknown" not in line(found, key)
    assert "`sluice receipt`" in line(found, "Max Timeout Interval")
    assert "connection" not in declared(found, "user")
