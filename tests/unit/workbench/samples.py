"""The sample of an export to Audience Manager, with the values of Data Workbench's own documentation."""

from __future__ import annotations

EXPORT = r"""Query = SegmentExportQuery:
Command = string: ExportIntegration.exe
Command Arguments = string: \"%file%.cfg\" \"%file%\"
Filter = string:
Level = string: Page View
MMP Configuration = MMPConfiguration:
MMP Segment Name = string: 12345
MMP Visitor ID Field = string: Tracking ID
Oneshot = bool: true
Output Fields = vector: 3 items
0 = ColumnDefinition:
Column Name = string:
Field Name = string: Tracking ID
1 = ColumnDefinition:
Column Name = string:
Field Name = string: PID
2 = ColumnDefinition:
Column Name = string:
Field Name = string: SID
Output File = string: MMPTest.txt
Output Format = string: %1%\t%2%\t%3%\r\n
Schedule End Time = string:
Schedule Every = string:
Schedule Start Time = string:
Time Limit (sec) = double: 1800
"""
"""`User.export`."""
ARGUMENTS = r"\"%file%.cfg\" \"%file%\""
"""Its Command Arguments: the file, and the one with its settings."""
MMP_CONFIGURATION = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
"""Its lines that name a segment of Audience Manager."""
FORMAT = r"%1%\t%2%\t%3%\r\n"
"""Its Output Format."""
CRS = r"""Query = SegmentExportQuery:
Command = string: ExportIntegration.exe
Command Arguments = string: \"%file%.cfg\" \"%file%\"
CRS Configuration = CRSConfiguration:
CRS Attributes = vector: 2 items
0 = CRSAttributeConfiguration:
Attribute Name = string: product
Attribute Type(int,string) = string: string
Field Name = string: PID
1 = CRSAttributeConfiguration:
Attribute Name = string: views
Attribute Type(int,string) = string: int
Field Name = string: =Page_Views
ECID Field = string: hit
Report Suite = vector: 1 items
0 = string: acmeprod
Visitor ID Field = string: Tracking ID
Filter = string:
Level = string: Page View
Oneshot = bool: true
Output Fields = vector: 3 items
0 = ColumnDefinition:
Column Name = string:
Field Name = string: PID
1 = ColumnDefinition:
Column Name = string:
Field Name = string: =Page_Views
2 = ColumnDefinition:
Column Name = string:
Field Name = string: SID
Output File = string: crs test.txt
Output Format = string: csv
Time Limit (sec) = double: 1800
"""
"""`Customers.export`: an export of customer records, with the parameters that its documentation names."""
MMP = """MMP Export Configuration = MMPExportConfiguration:
s3 Bucket = string: aws_bucket_for_mmp
s3 Object Directory = string: test/files/
s3 Region = string: us-east-1
s3 Access Key = string: ZZKI62OO5YBA
s3 Secret Key = string: ioqwa3OpNE5
data Provider Name = string: 895
client ID = string: mcprofile2-test
client Secret = string: saea1287617212987q
username = string: mmptest
password = string: p4ss
numRecordsPerChunk = int:
numThreads = int:
maxRetriesOnSendFailure = unsigned int:
"""
"""`MMPExport.cfg`."""
SECRETS = ("ZZKI62OO5YBA", "ioqwa3OpNE5", "mcprofile2-test", "saea1287617212987q", "mmptest", "p4ss")
CATALOG = """page-views:
  kind: event
  title: Page View
  key: Tracking ID
  event_id: hit
  source: {type: parquet, airflow_conn_id: lake, path: page-views}
  metrics: {Page_Views: hits + 0}
visitors:
  kind: profile
  key: id
  source: {type: parquet, airflow_conn_id: lake, path: visitors}
clicks:
  kind: event
  key: id
  source: {type: parquet, airflow_conn_id: lake, path: clicks}
"""
"""The catalog that it is imported against."""


def titled(number: int, title: str) -> tuple[str, str]:
    """The change of `User.export` that gives a column a name."""
    head = f"{number} = ColumnDefinition:\nColumn Name = string:"
    return head, f"{head} {title}"
