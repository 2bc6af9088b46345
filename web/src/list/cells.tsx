import { Badge } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { Link as RouterLink } from "react-router-dom";

import { whyViewOnly } from "../actions/whyViewOnly";
import type { ExportRow } from "../api/types";
import { Bytes } from "../shared/Bytes";
import { DestinationIcon } from "../shared/DestinationIcon";
import { Hint } from "../shared/Hint";
import { StatusBadge } from "../shared/StatusBadge";
import { Time } from "../shared/Time";
import { count } from "../shared/amount";
import { paths } from "../shell/paths";
import type { ColumnId } from "./columns";

interface Acts {
  /** Shows the error page of a declaration that does not load. */
  onBroken: (row: ExportRow) => void;
}

/** What a cell of each column shows. */
export const CELLS: Record<ColumnId, (row: ExportRow, acts: Acts) => ReactNode> = {
  bytes: (row) => (row.refreshed ? <Bytes of={row.bytes} /> : undefined),
  connection: (row) => <ConnectionCell row={row} />,
  end: (row) => <Time as="local" at={row.end} />,
  kind: (row) => KINDS[row.kind] ?? row.kind,
  may: (row) => (row.may === "edit" ? "Edit" : <ViewOnly row={row} />),
  name: (row, acts) => <NameCell onBroken={acts.onBroken} row={row} />,
  next: (row) => <Time at={row.next_run} />,
  owner: (row) => row.owner,
  records: (row) => (row.refreshed ? count(row.records) : undefined),
  refreshed: (row) => <Time at={row.refreshed} none="never" />,
  schedule: (row) => <ScheduleCell row={row} />,
  status: (row) => <StatusCell row={row} />,
};

export const KINDS: Partial<Record<string, string>> = {
  "": "unknown",
  "data-out-export": "Data-out",
  "dataset-export": "Dataset",
  "segment-export": "Segment",
};

const NameCell = ({ onBroken, row }: Acts & { row: ExportRow }) => (
  <>
    {row.status === "broken" ? (
      <button
        className="link"
        onClick={() => {
          onBroken(row);
        }}
        type="button"
      >
        {row.name}
      </button>
    ) : (
      <RouterLink className="link" to={paths.export(row.name)}>{row.name}</RouterLink>
    )}
    <Second>
      <span className="narrow">
        <StatusBadge status={row.status} why={row.why} />{" "}
      </span>
      {row.title}
    </Second>
  </>
);

const ConnectionCell = ({ row }: { row: ExportRow }) =>
  row.connection ? (
    <span className="beside">
      <DestinationIcon type={row.connection_type} />
      <span className="two">
        <span className="cut">{row.connection_title || row.connection}</span>
        <Second>{row.connection_type}</Second>
      </span>
    </span>
  ) : (
    <span className="muted">{row.status === "broken" ? "" : "No connection"}</span>
  );

const REASONED = new Set(["broken", "cancelled", "failed", "held", "skipped"]);

/** The reason of a status that needs one is a second line, and a hint in full. */
const StatusCell = ({ row }: { row: ExportRow }) => (
  <>
    <StatusBadge status={row.status} why={row.why} />
    {REASONED.has(row.status) && row.why ? <Second>{firstLine(row.why)}</Second> : undefined}
  </>
);

const ScheduleCell = ({ row }: { row: ExportRow }) => (
  <>
    <span className="cut">{row.schedule}</span>
    {row.scheduled === "on" || row.scheduled === "by hand" || !row.schedule ? undefined : (
      <Badge size="xs" variant="surface">{row.scheduled}</Badge>
    )}
  </>
);

const ViewOnly = ({ row }: { row: ExportRow }) => (
  <Hint says={whyViewOnly(row)}>
    <span className="muted">View</span>
  </Hint>
);

const Second = ({ children }: { children: ReactNode }) => <span className="cut second">{children}</span>;

const firstLine = (text: string): string => text.trim().split("\n")[0] ?? "";
