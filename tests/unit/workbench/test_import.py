"""How each parameter of Data Workbench's files is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.definition.edit.write import check
from sluice.errors import DefinitionError
from sluice.workbench.imports import Given, Outcome, import_files
from sluice.workbench.source import Source
from tests.unit.workbench.samples import CATALOG, EXPORT, MMP, SECRETS
from tests.unit.workbench.variants import SERVERS

USERS = """\
FTP User Credentials = vector: 1 items
  0 = ftpUserCredInfo:
    User Name = string: courier
    User Password = EncryptedString: hush
    Server Name = string: Partner
    Public Key Path = string: E:\\\\keys\\\\public.pem
    Private Key Path = string: E:\\\\keys\\\\private
    Passphrase = EncryptedString: tush
"""
Importing = Callable[..., Outcome]


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports `User.export`, with the sample's lines replaced as told, and checks the whole project."""
    include = tmp_path / "include"
    for name, text in {"catalog/datasets.yaml": CATALOG, "exports/.keep": ""}.items():
        (include / name).parent.mkdir(parents=True)
        (include / name).write_text(text)

    def run(*changes: tuple[str, str], stem: str = "User", **files: str) -> Outcome:
        text = EXPORT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        secret = {"mmp", "users"}
        crs = files.pop("crs", "")
        sources = {name: Source(f"{name}.cfg", body.encode(), secret=name in secret) for name, body in files.items()}
        export = Source(stem if "." in stem else f"{stem}.export", text.encode())
        found = import_files(Given([export], crs=crs, **sources), include)
        check(include, found.drafts)
        return found

    return run


def declared(found: Outcome, name: str) -> dict[str, Any]:
    body = next(draft.after for draft in found.drafts if draft.path.name == f"{name}.yaml")
    return dict(yaml.safe_load(body or b""))


def line(found: Outcome, parameter: str) -> str:
    return next(str(one) for one in found.report if one.parameter == parameter).partition("  ")[2]


def error(importing: Importing, *changes: tuple[str, str], **files: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        importing(*changes, **files)
    return raised.value.page()


def test_the_sample_becomes_a_connection_an_export_and_a_segment(importing: Importing) -> None:
    found = importing(mmp=MMP)

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


def test_secrets_are_only_asked_for(importing: Importing) -> None:
    found = importing(mmp=MMP)

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


def test_chunks_are_of_each_export_and_within_the_products_limits(importing: Importing) -> None:
    config = MMP.replace("Chunk = int:", "Chunk = int: 99999").replace("Threads = int:", "Threads = int: 4")
    found = importing(mmp=config.replace("Failure = unsigned int:", "Failure = unsigned int: 3"))

    assert declared(found, "user")["chunks"] == {"records": 50000, "threads": 4, "retries": 3}
    assert line(found, "numRecordsPerChunk").startswith("numRecordsPerChunk: changed: chunks: records: 50000")
    assert line(importing(mmp=MMP), "numThreads") == "numThreads: empty"


def test_without_its_configuration_the_export_is_detached(importing: Importing) -> None:
    found = importing()

    assert "connection" not in declared(found, "user")
    assert line(found, "Command").startswith("Command: changed: connection: none: without --mmp")


def test_a_segment_in_audience_manager(importing: Importing) -> None:
    found = importing(mmp=MMP)

    assert line(found, "data Provider Name") == "data Provider Name: taken: audience_manager"
    assert line(found, "MMP Configuration > MMP Segment Name").endswith("MMP Segment Name: taken: audience")
    assert line(found, "MMP Configuration > MMP Visitor ID Field").endswith("Visitor ID Field: taken: audience")


@pytest.mark.parametrize(
    ("provider", "why"),
    [("", "see data Provider Name"), (" acme", "not a valid `audience_manager`: `acme` is not a number: add")],
)
def test_a_bucket_without_an_account_gets_the_file_alone(importing: Importing, provider: str, why: str) -> None:
    """Without a number, nobody knows the data source of what a run would create."""
    found = importing(mmp=MMP.replace(" 895", provider))

    assert "audience_manager" not in declared(found, "data-workbench")
    assert "audience" not in declared(found, "user")
    assert why in "".join(line(found, one) for one in ("data Provider Name", "client Secret"))
    assert line(found, "MMP Configuration > MMP Segment Name").endswith("the connection has no `audience_manager`")
    assert len(found.secrets) == 1


def test_a_segment_that_audience_manager_cannot_have_is_refused_at_its_line(importing: Importing) -> None:
    assert error(importing, ("string: 12345", "string: my segment"), mmp=MMP).startswith(
        "User.export:7:28  `my segment` is not the id of a segment"
    )
    block = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
    assert "has no MMP Segment Name" in error(importing, (block, ""), mmp=MMP)
    assert declared(importing((block, ""), mmp=MMP.replace("895", "")), "user")["connection"] == "data-workbench"


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
def test_target_and_crs_are_left_out_line_by_line(importing: Importing, configuration: str, key: str) -> None:
    block = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
    upload = "Max Timeout Interval = int: 720\n"

    found = importing((block, configuration), target=upload)

    assert line(found, key).partition(": ")[2].startswith("left out: ")
    assert "unknown" not in line(found, key)
    assert "`sluice receipt`" in line(found, "Max Timeout Interval")
    assert "connection" not in declared(found, "user")


TARGET = """TnT Configuration = TnTConfiguration:
  ClientName = string: acme
  Domain Postfix = string: HOST
  MboxHost = string:
  MboxName = string: box
"""


@pytest.mark.parametrize(("host", "url"), [("tt.omtrdc.net", {}), ("example.net", {"url": "https://acme.example.net"})])
def test_an_export_to_target_hands_batch_files_over(importing: Importing, host: str, url: dict[str, str]) -> None:
    block = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
    changes = [(block, TARGET.replace("HOST", host)), ("ExportIntegration.exe", "TargetBulkUpload.exe")]
    changes += [titled(0, "profile.visits"), titled(1, "thirdPartyId")]

    found = importing(*changes)

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


def test_an_impossible_client_of_target_is_refused_at_its_line(importing: Importing) -> None:
    block = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
    wrong = TARGET.replace("acme", "no such/client")
    page = error(importing, (block, wrong), ("ExportIntegration.exe", "TargetBulkUpload.exe"))
    assert page.startswith("User.export:7:24  this is no client code or address")


def test_ftp_and_sftp_become_sftp_connections(importing: Importing) -> None:
    arguments = r"\"%file%.cfg\" \"%file%\""

    ftp = importing((arguments, r"ftp \"%file%\" Partner in/daily"), servers=SERVERS, users=USERS)
    sftp = importing((arguments, r"sftp \"%file%\" \"Other Partner\" /in -k"), servers=SERVERS, users=USERS)

    assert declared(ftp, "partner") == {
        "type": "sftp",
        "title": "Partner",
        "airflow_conn_id": "sftp_partner",
        "folder": "in/daily",
    }
    assert declared(ftp, "user")["connection"] == "partner"
    assert declared(sftp, "other-partner")["folder"] == "/in"
    assert ftp.secrets == (
        "sluice airflow connections add sftp_partner --conn-type sftp --conn-host ftp.example.com --conn-port 22"
        " --conn-login @SFTP_USER --conn-password @SFTP_PASSWORD",
    )
    assert "--conn-port 2222" in sftp.secrets[0]
    assert '"key_file": "@SFTP_KEY_FILE"' in sftp.secrets[0]
    assert "by SFTP, because FTP" in line(ftp, "Command Arguments")
    assert line(ftp, "FTP User Credentials > 0 > User Password".partition(" > ")[2]).endswith("sftp_partner")
    assert not any(secret in f"{ftp.report}{ftp.secrets}{ftp.drafts}" for secret in ("courier", "hush", "tush"))


@pytest.mark.parametrize(("one", "other"), [("東京", "大阪"), ("ftp.acme.com", "ftp-acme.com"), ("Partner", "partner")])
def test_no_two_servers_share_an_airflow_connection(importing: Importing, one: str, other: str) -> None:
    """The files of one would go to the other."""
    servers = SERVERS.replace("string: Partner", f"string: {one}").replace("string: Other Partner", f"string: {other}")
    users = USERS.replace("string: Partner", f"string: {other}")
    hosts, ids = {}, {}
    for server in (one, other):
        arguments = (r"\"%file%.cfg\" \"%file%\"", rf"sftp \"%file%\" \"{server}\" /in")
        found = importing(arguments, servers=servers, users=users)
        (need,) = found.needs
        hosts[server], ids[server] = need.host, need.conn_id
        login = line(found, "FTP User Credentials > 0 > User Password".partition(" > ")[2])
        assert login.endswith(need.conn_id) == (server == other)
    assert hosts == {one: "ftp.example.com", other: "sftp.example.com"}
    assert len({*ids.values()}) == 2


def test_a_server_with_two_ways_to_log_in_is_one_airflow_connection(importing: Importing, tmp_path: Path) -> None:
    """It can be created only once."""
    arguments = r"\"%file%.cfg\" \"%file%\""
    exports = [
        Source(f"{way}.export", EXPORT.replace(arguments, rf"sftp \"%file%\" Partner /in -{way}").encode())
        for way in ("p", "k")
    ]
    found = import_files(Given(exports, servers=Source("servers.cfg", SERVERS.encode())), tmp_path / "include")
    (need,) = found.needs
    assert (need.password, need.extra["key_file"]) == ("@SFTP_PASSWORD", "@SFTP_KEY_FILE")


def test_a_login_in_the_arguments_is_not_repeated(importing: Importing) -> None:
    wrong = r"sftp \"%file%\" courier:hush@ftp.example.com /in -p"
    page = error(importing, (r"\"%file%.cfg\" \"%file%\"", wrong), servers=SERVERS)
    assert "the arguments name a server that is not known" in page
    assert "known: Other Partner, Partner" in page
    assert "courier" not in page
    assert "hush" not in page


def test_other_programs_follow_the_delivery_if_the_project_allows_them(importing: Importing, tmp_path: Path) -> None:
    program = (" ExportIntegration.exe", r" C:\Scripts\flip.bat")
    changes = (program, (r"\"%file%.cfg\" \"%file%\"", r"-x \"%file%\" \"two words\""))

    refused = importing(*changes)
    (tmp_path / "include" / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    allowed = importing(*changes)

    assert "follow_up" not in declared(refused, "user")
    assert line(refused, "Command").endswith("`commands` of project.yaml has no `flip`: add it, and import again")
    arguments = ["-x", "%file%", "two words"]
    assert declared(allowed, "user")["follow_up"] == {"command": "flip", "arguments": arguments, "once_per": "file"}
    assert "connection" not in declared(allowed, "user")


def test_a_command_runs_once_for_each_file(importing: Importing, tmp_path: Path) -> None:
    """There, it got the one file of the export, and the file with its settings beside it."""
    (tmp_path / "include" / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    both = importing((" ExportIntegration.exe", " flip.bat"))
    none = importing((" ExportIntegration.exe", " flip.bat"), (r"\"%file%.cfg\" \"%file%\"", "-x"))

    pair = {"command": "flip", "arguments": ["%file%.cfg", "%file%"], "once_per": "file"}
    assert declared(both, "user")["follow_up"] == pair
    assert "no file lies beside a delivered one" in line(both, "Command Arguments")
    assert declared(none, "user")["follow_up"] == {"command": "flip", "arguments": ["-x"]}


def test_arguments_that_a_command_cannot_have_are_left_out(importing: Importing, tmp_path: Path) -> None:
    (tmp_path / "include" / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    found = importing((" ExportIntegration.exe", " flip.bat"), (r"\"%file%.cfg\" \"%file%\"", "%dir%"))

    assert "follow_up" not in declared(found, "user")
    assert "`%dir%` is not known" in line(found, "Command Arguments")


@pytest.mark.parametrize("level", ["Page View", "page_view", "PAGE-VIEWS", "pageviews"])
def test_a_level_is_a_dataset_by_name_or_title(importing: Importing, level: str) -> None:
    found = importing(("string: Page View", f"string: {level}"))

    assert declared(found, "segments")["all-page-views"]["dataset"] == "page-views"


def test_levels_that_are_no_datasets(importing: Importing) -> None:
    misspelt = error(importing, ("string: Page View", "string: Page Vew"))
    assert misspelt.startswith("User.export:5:17  no dataset is named `Page Vew`")
    assert "did you mean: Page View\n" in misspelt
    assert "nothing was written" in misspelt
    keyless = error(importing, ("string: Page View", "string: Clicks"))
    assert "`clicks` contains events without an `event_id`" in keyless
    assert "User.export:5:16  the export has no Level" in error(importing, ("string: Page View", "string:"))


def test_metrics_are_those_of_the_dataset(importing: Importing) -> None:
    found = importing(("Field Name = string: PID", "Field Name = string: =Page Views"))
    assert declared(found, "user")["fields"][1] == {"metric": "Page_Views", "as": "Page Views"}
    plain = importing(("Field Name = string: PID", "Field Name = string: =Page_Views"))
    assert declared(plain, "user")["fields"][1] == {"metric": "Page_Views"}

    missing = error(importing, ("Field Name = string: PID", "Field Name = string: =Page_View"))

    assert missing.startswith("User.export:16:22  `page-views` has no metric `Page_View`")
    assert "did you mean: Page_Views" in missing
    assert "metrics" in missing


def titled(number: int, title: str) -> tuple[str, str]:
    """The change that gives a column a name."""
    head = f"{number} = ColumnDefinition:\nColumn Name = string:"
    return head, f"{head} {title}"


def test_column_names_are_the_names_in_the_file(importing: Importing) -> None:
    found = importing(
        ("1 = ColumnDefinition:\nColumn Name = string:", "1 = ColumnDefinition:\nColumn Name = string: Page")
    )
    assert declared(found, "user")["fields"][1] == {"field": "PID", "as": "Page"}

    twice = error(
        importing, ("2 = ColumnDefinition:\nColumn Name = string:", "2 = ColumnDefinition:\nColumn Name = string: pid")
    )

    assert "User.export:17:" in twice
    assert "would both be named `pid`" in twice


@pytest.mark.parametrize(
    ("written", "declared_as"),
    [
        (r"%3%;%1%\n", {"type": "template", "template": r"%3%;%1%\n"}),
        (r"%1%, 100 %% %2%", {"type": "template", "template": r"%1%, 100 %% %2%\r\n"}),
        ("%1%\t%2%\\r\\n", {"type": "template", "template": r"%1%\t%2%\r\n"}),
        (r"\"%1%\"\\%2%\r\n", {"type": "template", "template": r'"%1%"\\%2%\r\n'}),
        ("CSV", {"type": "csv", "compression": "none", "header": False}),
        ("tsv", {"type": "csv", "compression": "none", "header": False, "delimiter": "tab"}),
        ("", {"type": "template", "template": r"%1%\t%2%\t%3%\r\n"}),
    ],
)
def test_output_formats(importing: Importing, written: str, declared_as: dict[str, Any]) -> None:
    found = importing((r"%1%\t%2%\t%3%\r\n", written))

    assert declared(found, "user")["format"] == declared_as


@pytest.mark.parametrize(
    ("header", "titled", "expected"), [("", True, True), ("", False, False), ("true", False, True)]
)
def test_a_header_is_written_if_columns_have_names(
    importing: Importing, header: str, titled: bool, expected: bool
) -> None:
    names = "Column Name = string: C" if titled else "Column Name = string:"
    changes = [
        (f"{n} = ColumnDefinition:\nColumn Name = string:", f"{n} = ColumnDefinition:\n{names}{n}") for n in range(3)
    ]
    changes = changes if titled else []
    added = f"Add Header = bool: {header}\nCommand = string" if header else "Command = string"
    found = importing(*changes, ("Command = string", added), (r"%1%\t%2%\t%3%\r\n", "csv"))

    assert declared(found, "user")["format"].get("header", True) is expected


def test_escape_fields_is_quoting(importing: Importing) -> None:
    found = importing(
        ("Command = string", "Escape Fields = bool: false\nCommand = string"), (r"%1%\t%2%\t%3%\r\n", "csv")
    )

    assert declared(found, "user")["format"]["quoting"] == "none"


def test_a_legacy_format_names_its_fields(importing: Importing) -> None:
    found = importing((r"%1%\t%2%\t%3%\r\n", r"%Tracking ID%;%=Page_Views%;%Tracking ID%;%%\n"))

    assert declared(found, "user")["fields"] == ["Tracking ID", {"metric": "Page_Views"}]
    assert declared(found, "user")["format"]["template"] == r"%1%;%2%;%1%;%%\n"
    assert line(found, "Output Fields > 1 > Field Name").endswith("the Output Format names its fields itself")


@pytest.mark.parametrize(
    ("written", "column", "said"),
    [
        (r"%1%\t%9%\r\n", 30, "uses field 9, but there are 3 Output Fields"),
        (r"%1%\t5%\r\n", 31, "a `%` without its pair"),
        (r"%PID%\t%1%\r\n", 32, "by name and by number"),
        (r"%PID%\t%=Nope%\r\n", 32, "has no metric `Nope`"),
    ],
)
def test_formats_that_do_not_fit(importing: Importing, written: str, column: int, said: str) -> None:
    page = error(importing, (r"%1%\t%2%\t%3%\r\n", written))

    assert page.startswith(f"User.export:21:{column}")
    assert said in page


@pytest.mark.parametrize(
    ("path", "folder", "file"),
    [
        (r"Exports\\Visitor Segment.txt", "/", "Visitor-Segment"),
        (r"Exports\sub\t.txt", "sub", "t"),
        ("a/b/Ü 1.dat", "a/b", "1"),
        ("plain", "/", "plain"),
    ],
)
def test_output_files(importing: Importing, path: str, folder: str, file: str) -> None:
    found = importing(("MMPTest.txt", path))

    assert declared(found, "user")["folder"] == folder
    assert declared(found, "user")["file"] == f"{file}_%RUN_ID%_%PART%"


def test_output_files_outside_the_folder_are_refused(importing: Importing) -> None:
    assert "outside the folder of exports" in error(importing, ("MMPTest.txt", r"..\\..\\x.txt"))


def test_the_visitors_id_is_an_output_field(importing: Importing) -> None:
    page = error(importing, ("ID Field = string: Tracking ID", "ID Field = string: Traking ID"), mmp=MMP)
    assert page.startswith("User.export:8:32  no Output Field is named `Traking ID`")
    assert "did you mean: Tracking ID" in page
    assert "User.export:7:" in error(importing, ("Segment Name = string: 12345", "Segment Name = string:"), mmp=MMP)


@pytest.mark.parametrize(
    ("limit", "expected"), [("0", "0s"), ("", "10m"), ("600.5", "600500ms"), ("3600", "1h"), ("1e-9", "1ms")]
)
def test_time_limits(importing: Importing, limit: str, expected: str) -> None:
    """The limit is that of the file, wherever the export is delivered to."""
    assert declared(importing(("double: 1800", f"double: {limit}")), "user")["time_limit"] == expected
    assert declared(importing(("double: 1800", f"double: {limit}"), mmp=MMP), "user")["time_limit"] == expected


def test_mistakes_of_the_bucket_name_its_line(importing: Importing) -> None:
    blank = error(importing, mmp=MMP.replace("test/files/", "test files/"))
    assert blank.startswith("mmp.cfg:3:")
    assert "blank" in blank
    assert error(importing, mmp=MMP.replace("aws_bucket_for_mmp", "")).startswith("mmp.cfg:2:")
    assert "test files" not in blank


def test_unknown_parameters_are_in_the_report(importing: Importing) -> None:
    found = importing(("Oneshot", "One Shot = bool: true\nOneshot"))

    assert line(found, "One Shot").endswith("left out: unknown parameter: did you mean Oneshot")


def test_a_declared_segment_or_connection_is_used_again(importing: Importing, tmp_path: Path) -> None:
    found = importing(mmp=MMP)
    for draft in found.drafts:
        draft.path.parent.mkdir(exist_ok=True)
        draft.path.write_bytes(draft.after or b"")
    shared = tmp_path / "include" / "connections" / "data-workbench.yaml"
    shared.write_text(shared.read_text() + "shared_with: [marketing]\n")

    again = importing(mmp=MMP)
    other = importing(mmp=MMP, stem="Other")

    assert again.drafts == ()
    assert [draft.path.name for draft in other.drafts] == ["other.yaml"]
    assert "is not what the import would write" in error(importing, ("SID", "SIT"), mmp=MMP)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    sources = [Source(f"{name}.export", EXPORT.encode()) for name in ("User A", "user-a")]

    with pytest.raises(DefinitionError, match="both become the export `user-a`"):
        import_files(Given(sources), tmp_path)


def test_one_file_may_be_given_twice_but_not_two_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "datasets.yaml").write_text(CATALOG)
    source = Source("User.export", EXPORT.encode())

    assert list(import_files(Given([source, source]), tmp_path).exports) == ["user"]
    with pytest.raises(DefinitionError, match="both become the export `user`"):
        import_files(Given([source, Source("User.export", EXPORT.replace("12345", "54321").encode())]), tmp_path)


def test_an_export_that_is_done_is_switched_off(importing: Importing) -> None:
    """Data Workbench has renamed the file: it would never run it again."""
    found = importing(stem="User.export.done-20150406133212")

    assert declared(found, "user")["enabled"] is False
    assert line(found, "(file name)").endswith("enabled: false: the export is done already")


def test_a_title_is_one_line(importing: Importing) -> None:
    assert "title" not in declared(importing(stem="a\nb"), "a-b")


def test_the_folder_of_declarations_exists(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="does not exist"):
        import_files(Given([Source("User.export", EXPORT.encode())]), tmp_path / "nowhere")
