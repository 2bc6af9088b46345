/** The macros of folders and file names, as `definition/models/macros.py` has them. */
export const MACROS: Record<string, string> = {
  DATASET_ID: "the identifier of the dataset, or of the segment's dataset",
  DATETIME: "the time the run was due, in UTC; accepts a format: %DATETIME(YYYYMMDD_HHmmss)%",
  DESTINATION: "the destination's type",
  DESTINATION_INSTANCE_ID: "the connection's name",
  DESTINATION_INSTANCE_NAME: "the connection's title, or its name if it has no title",
  EXPORT_NAME: "the export's name",
  EXPORT_TIME: "the time the run was due, as the folder exportTime=YYYYMMDDHHMM",
  ORGANIZATION_NAME: "the project's organization",
  RUN_ID: "the id of the run, 36 characters",
  SANDBOX_NAME: "the project's sandbox",
  SEGMENT_ID: "the segment's name, or the dataset's name if the feed is not a segment",
  SEGMENT_NAME: "the segment's name, or the dataset's name if the feed is not a segment",
};

/** The macros of file names only. */
export const FILE_MACROS: Record<string, string> = { PART: "the file's number within its feed, from 00000" };
