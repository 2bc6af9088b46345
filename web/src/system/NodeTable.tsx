import { Table, Text } from "@chakra-ui/react";

import type { System } from "../api/types";
import { MembersButton } from "../catalog/MembersButton";
import { HostLink } from "../shared/HostLink";
import { duration } from "../shared/moment";
import { Section } from "../shared/Section";
import { Sheet } from "../shared/Sheet";
import { StatusBadge } from "../shared/StatusBadge";
import { Time } from "../shared/Time";
import { paths } from "../shell/paths";

const HEADS = ["Name", "Kind", "State", "Last run", { label: "Took", number: true as const }, { label: "Members", number: true as const }, "Depends on"];

/** The graph as a table: what is refreshed, in order, and what each depends on. */
export const NodeTable = ({ edges, nodes }: Pick<System, "edges" | "nodes">) => {
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  const sorted = nodes.toSorted((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
  return (
    <Section title="In order">
      <Sheet heads={HEADS} label="Refreshes, datasets, segments and exports in order">
        {sorted.map((node) => (
          <Table.Row key={node.id}>
            <Table.Cell fontWeight="semibold">{node.kind === "export" ? <HostLink to={paths.export(node.name)}>{node.name}</HostLink> : node.name}</Table.Cell>
            <Table.Cell>{node.kind}</Table.Cell>
            <Table.Cell>{node.state ? <StatusBadge status={node.state} why={node.state_says} /> : "-"}</Table.Cell>
            <Table.Cell><Time at={node.ended ?? node.started} focusable none="-" /></Table.Cell>
            <Table.Cell textAlign="end">{typeof node.seconds === "number" ? duration(node.seconds) : "-"}</Table.Cell>
            <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end">{typeof node.members === "number" ? <MembersButton members={node.members} name={node.name} /> : "-"}</Table.Cell>
            <Table.Cell maxW="24rem" whiteSpace="normal">
              <Text fontSize="sm">{edges.filter(({ to }) => to === node.id).map(({ source }) => names.get(source) ?? source).join(", ") || "-"}</Text>
            </Table.Cell>
          </Table.Row>
        ))}
      </Sheet>
    </Section>
  );
};
