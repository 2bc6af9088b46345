import { Table } from "@chakra-ui/react";

import type { UsageLine } from "../api/types";
import { count } from "../shared/amount";
import { Bytes } from "../shared/Bytes";
import { Sheet } from "../shared/Sheet";

const NUMBERS = ["Deliveries", "Files", "Records", "Size"].map((label) => ({ label, number: true as const }));

interface Props {
  /** For screen readers. */
  label: string;
  lines: UsageLine[];
}

/** What exports of each kind have delivered to each connection. */
export const LineTable = ({ label, lines }: Props) => (
  <Sheet heads={["Connection", "Application", "Kind", ...NUMBERS]} label={label}>
    {lines.map((line) => (
      <Table.Row key={`${line.kind} ${line.application} ${line.connection}`}>
        <Table.Cell>{line.connection || "-"}</Table.Cell>
        <Table.Cell>{line.application || "-"}</Table.Cell>
        <Table.Cell>{line.kind || "-"}</Table.Cell>
        <Table.Cell textAlign="end">{count(line.deliveries)}</Table.Cell>
        <Table.Cell textAlign="end">{count(line.files)}</Table.Cell>
        <Table.Cell textAlign="end">{count(line.records)}</Table.Cell>
        <Table.Cell textAlign="end"><Bytes of={line.bytes} /></Table.Cell>
      </Table.Row>
    ))}
  </Sheet>
);
