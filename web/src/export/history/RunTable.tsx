import { Badge, Table, Text } from "@chakra-ui/react";
import { Fragment, type ReactNode, useState } from "react";

import type { RunRow } from "../../api/types";
import { count } from "../../shared/amount";
import { Bytes } from "../../shared/Bytes";
import { HostLink } from "../../shared/HostLink";
import { IconButton } from "../../shared/IconButton";
import { duration } from "../../shared/moment";
import { Sheet } from "../../shared/Sheet";
import { StatusBadge } from "../../shared/StatusBadge";
import { Time } from "../../shared/Time";
import { paths } from "../../shell/paths";
import { Delivery } from "./Delivery";

const HEADS = [
  "Details", "Started", "Status", "Mode",
  { label: "Records", number: true as const }, { label: "Size", number: true as const }, { label: "Took", number: true as const },
  { label: "Files", number: true as const }, { label: "Rejected", number: true as const }, { label: "Duplicates", number: true as const },
  { label: "Warnings", number: true as const },
];

interface Props {
  /** The verbs on the export that the user may do. */
  may: string[];
  name: string;
  rows: RunRow[];
}

/** The runs as a table. Each opens to its delivery. */
export const RunTable = ({ may, name, rows }: Props) => {
  const [open, setOpen] = useState("");
  return (
    <Sheet heads={HEADS} label={`Runs of ${name}`}>
      {rows.map((row) => {
        const key = `${row.run} ${row.flow_run_id}`;
        const shown = open === key;
        return (
          <Fragment key={key}>
            <Run name={name} onToggle={() => { setOpen(shown ? "" : key); }} open={shown} row={row} />
            {shown ? (
              <Table.Row>
                <Table.Cell colSpan={HEADS.length} whiteSpace="normal">
                  <Delivery may={may} name={name} row={row} />
                </Table.Cell>
              </Table.Row>
            ) : undefined}
          </Fragment>
        );
      })}
    </Sheet>
  );
};

const Run = ({ name, onToggle, open, row }: { name: string; onToggle: () => void; open: boolean; row: RunRow }) => (
  <Table.Row>
    <Table.Cell>
      <IconButton
        aria-expanded={open}
        icon={open ? "chevronDown" : "chevronRight"}
        label={open ? "Hide the details" : "Show the details"}
        onClick={onToggle}
        size="2xs"
      />
    </Table.Cell>
    <Table.Cell>
      <HostLink to={paths.run(name, row.run)}>{row.started ? <Time as="local" at={row.started} /> : row.run}</HostLink>
    </Table.Cell>
    <Table.Cell><StatusBadge status={row.status} why={row.why} /></Table.Cell>
    <Table.Cell whiteSpace="nowrap">{row.mode}{row.window ? <Text color="fg.muted" fontSize="xs">{row.window}</Text> : undefined}</Table.Cell>
    <Figure outlier={row.outlier.includes("records")}>{count(row.records)}</Figure>
    <Figure outlier={row.outlier.includes("bytes")}><Bytes of={row.bytes} /></Figure>
    <Figure outlier={row.outlier.includes("seconds")}>{duration(row.seconds)}</Figure>
    <Figure>{count(row.files)}</Figure>
    <Figure>{row.rejected ? count(row.rejected) : "-"}</Figure>
    <Figure>{row.duplicates ? count(row.duplicates) : "-"}</Figure>
    <Figure>{row.warnings ? count(row.warnings) : "-"}</Figure>
  </Table.Row>
);

const Figure = ({ children, outlier = false }: { children: ReactNode; outlier?: boolean }) => (
  <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end" whiteSpace="nowrap">
    {outlier ? <Badge colorPalette="warning" me={2} size="xs">unusual</Badge> : undefined}
    {children}
  </Table.Cell>
);
