import type { ExportRow } from "../api/types";

export interface Column {
  /** The field of the row that it sorts by. */
  field: keyof ExportRow;
  numeric?: boolean;
  title: string;
  /** In pixels. */
  width: number;
}

/** Every column of the list, in order. `name` is always shown. */
export const COLUMNS = {
  name: { field: "name", title: "Name", width: 180 },
  status: { field: "status", title: "Status", width: 165 },
  kind: { field: "kind", title: "Kind", width: 80 },
  connection: { field: "connection_title", title: "Connection", width: 160 },
  refreshed: { field: "refreshed", title: "Refreshed", width: 110 },
  schedule: { field: "schedule", title: "Schedule", width: 170 },
  next: { field: "next_run", title: "Next run", width: 95 },
  records: { field: "records", numeric: true, title: "Records", width: 90 },
  bytes: { field: "bytes", numeric: true, title: "Size", width: 70 },
  end: { field: "end", title: "Ends", width: 140 },
  owner: { field: "owner", title: "Owner", width: 110 },
  may: { field: "may", title: "Your permissions", width: 140 },
} as const satisfies Record<string, Column>;

export type ColumnId = keyof typeof COLUMNS;

export const COLUMN_IDS = Object.keys(COLUMNS) as ColumnId[];
export const SHOWN_AT_FIRST: ColumnId[] = COLUMN_IDS.filter((id) => id !== "owner" && id !== "end");

export const isColumn = (id: string): id is ColumnId => id in COLUMNS;
