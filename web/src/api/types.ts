import type { components } from "./schema";

/** The models of the API, by their names in its contract. */
type Schemas = components["schemas"];

export type AuditPage = Schemas["AuditPage"];
export type Checked = Schemas["Checked"];
export type ConnectionView = Schemas["ConnectionView"];
export type DatasetView = Schemas["DatasetView"];
export type DestinationType = Schemas["DestinationType"];
export type Done = Schemas["Done"];
export type Entry = Schemas["Entry"];
export type ExportDetail = Schemas["ExportDetail"];
export type ExportList = Schemas["ExportList"];
export type ExportRow = Schemas["ExportRow"];
export type FeedPreview = Schemas["FeedPreview"];
export type FeedView = Schemas["FeedView"];
export type Finding = Schemas["Finding"];
export type Imported = Schemas["Imported"];
export type KeySpec = Schemas["KeySpec"];
export type Me = Schemas["Me"];
export type NeededConnection = Schemas["NeededConnection"];
export type NewFile = Schemas["NewFile"];
export type Parameter = Schemas["Parameter"];
export type Probed = Schemas["Probed"];
export type Problem = Schemas["Problem"];
export type Progress = Schemas["Progress"];
export type RunRow = Schemas["RunRow"];
export type SegmentView = Schemas["SegmentView"];
export type Shard = Schemas["Shard"];
export type Skipped = Schemas["Skipped"];
export type System = Schemas["System"];
export type TaskView = Schemas["TaskView"];
export type TimelineEvent = Schemas["Event"];
export type UsageLine = Schemas["UsageLine"];
export type UsageView = Schemas["UsageView"];
export type WorkbenchFiles = Schemas["WorkbenchFiles"];
export type WorkbenchLimits = Schemas["WorkbenchLimits"];
export type Written = Schemas["Written"];

/** A word of the list of exports. */
export type ExportStatus = ExportRow["status"];
/** A word of a run's tasks. */
export type TaskState = TaskView["state"];
