"""An export to Audience Manager: its bucket, the file in it, and the segment that it fills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workbench.importing import declared, error, imported, line
from tests.unit.workbench.samples import MMP, MMP_CONFIGURATION, SECRETS


def test_the_sample_becomes_a_connection_an_export_and_a_segment(include: Path) -> None:
    found = imported(include, mmp=MMP)

    assert declared(found, "data-workbench") == {
        "type": "s3",
        "title": "Data Workbench",
        "airflow_conn_id": "data_workbench_s3",
        "bucket": "aws_bucket_for_mmp",
        "folder": "test/files",
        "profile": "data-workbench",
        "audience_manager": {"airflow_conn_id": "data_workbench_api", "data_provider": "895"},
    }
    assert declared(found, "user") == {
        "kind": "segment-export",
        "title": "User",
        "connection": "data-workbench",
        "segments": ["all-page-views"],
        "fields": ["Tracking ID", "PID", "SID"],
        "format": {"type": "template", "template": r"%1%\t%2%\t%3%\r\n"},
        "folder": "/",
        "file": "MMPTest_%RUN_ID%_%PART%",
        "schedule": "once",
        "time_limit": "30m",
        "audience": {"id": "12345", "visitor_id": "Tracking ID"},
    }
    assert declared(found, "segments") == {"all-page-views": {"dataset": "page-views", "where": "true"}}


def test_secrets_are_only_asked_for(include: Path) -> None:
    found = imported(include, mmp=MMP)

    assert found.secrets == (
        "sluice airflow connections add data_workbench_s3 --conn-type aws --conn-login @S3_ACCESS_KEY"
        """ --conn-password @S3_SECRET_KEY --conn-extra '{"region_name": "us-east-1"}'""",
        "sluice airflow connections add data_workbench_api --conn-type http --conn-login @AAM_CLIENT_ID"
        " --conn-password @AAM_CLIENT_SECRET"
        """ --conn-extra '{"username": "@AAM_USERNAME", "user_password": "@AAM_PASSWORD"}'""",
    )
    shown = "\n".join([*map(str, found.report), *found.secrets, *(str(draft.after) for draft in found.drafts)])
    assert [secret for secret in SECRETS if secret in shown] == []
    assert line(found, "s3 Secret Key") == "s3 Secret Key: secret: Airflow connection data_workbench_s3"
    assert line(found, "client Secret") == "client Secret: secret: Airflow connection data_workbench_api"


def test_chunks_are_of_each_export_and_within_the_products_limits(include: Path) -> None:
    config = MMP.replace("Chunk = int:", "Chunk = int: 99999").replace("Threads = int:", "Threads = int: 4")
    found = imported(include, mmp=config.replace("Failure = unsigned int:", "Failure = unsigned int: 3"))

    assert declared(found, "user")["chunks"] == {"records": 50000, "threads": 4, "retries": 3}
    assert line(found, "numRecordsPerChunk").startswith("numRecordsPerChunk: changed: chunks: records: 50000")
    assert line(imported(include, mmp=MMP), "numThreads") == "numThreads: empty"


def test_without_its_configuration_the_export_is_detached(include: Path) -> None:
    found = imported(include)

    assert "connection" not in declared(found, "user")
    assert line(found, "Command").startswith("Command: changed: connection: none: without --mmp")


def test_a_segment_in_audience_manager(include: Path) -> None:
    found = imported(include, mmp=MMP)

    assert line(found, "data Provider Name") == "data Provider Name: taken: audience_manager"
    assert line(found, "MMP Configuration > MMP Segment Name").endswith("MMP Segment Name: taken: audience")
    assert line(found, "MMP Configuration > MMP Visitor ID Field").endswith("Visitor ID Field: taken: audience")


@pytest.mark.parametrize(
    ("provider", "why"),
    [("", "see data Provider Name"), (" acme", "not a valid `audience_manager`: `acme` is not a number: add")],
)
def test_a_bucket_without_an_account_gets_the_file_alone(include: Path, provider: str, why: str) -> None:
    """Without a number, nobody knows the data source of what a run would create."""
    found = imported(include, mmp=MMP.replace(" 895", provider))

    assert "audience_manager" not in declared(found, "data-workbench")
    assert "audience" not in declared(found, "user")
    assert why in "".join(line(found, one) for one in ("data Provider Name", "client Secret"))
    assert line(found, "MMP Configuration > MMP Segment Name").endswith("the connection has no `audience_manager`")
    assert len(found.secrets) == 1


def test_a_segment_that_audience_manager_cannot_have_is_refused_at_its_line(include: Path) -> None:
    assert error(include, ("string: 12345", "string: my segment"), mmp=MMP).startswith(
        "User.export:7:28  `my segment` is not the id of a segment"
    )
    assert "has no MMP Segment Name" in error(include, (MMP_CONFIGURATION, ""), mmp=MMP)
    assert (
        declared(imported(include, (MMP_CONFIGURATION, ""), mmp=MMP.replace("895", "")), "user")["connection"]
        == "data-workbench"
    )


def test_the_visitors_id_is_an_output_field(include: Path) -> None:
    page = error(include, ("ID Field = string: Tracking ID", "ID Field = string: Traking ID"), mmp=MMP)
    assert page.startswith("User.export:8:32  no Output Field is named `Traking ID`")
    assert "did you mean: Tracking ID" in page
    assert "User.export:7:" in error(include, ("Segment Name = string: 12345", "Segment Name = string:"), mmp=MMP)


def test_mistakes_of_the_bucket_name_its_line(include: Path) -> None:
    blank = error(include, mmp=MMP.replace("test/files/", "test files/"))
    assert blank.startswith("mmp.cfg:3:")
    assert "blank" in blank
    assert error(include, mmp=MMP.replace("aws_bucket_for_mmp", "")).startswith("mmp.cfg:2:")
    assert "test files" not in blank
