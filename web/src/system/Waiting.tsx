import { Table, Text } from "@chakra-ui/react";

import type { System } from "../api/types";
import { HostLink } from "../shared/HostLink";
import { Section } from "../shared/Section";
import { Sheet } from "../shared/Sheet";
import { Time } from "../shared/Time";
import { paths } from "../shell/paths";

/** The exports whose runs wait, and for what. */
export const Waiting = ({ waiting }: { waiting: System["waiting"] }) => (
  <Section title={`Exports that wait (${waiting.length})`}>
    {waiting.length === 0 ? <Text color="fg.muted" fontSize="sm">No run waits for a refresh.</Text> : (
      <Sheet heads={["Export", "Waits for", "Since", "Run"]} label="Exports that wait">
        {waiting.map(({ export: name, run, since, waits_for: waitsFor }) => (
          <Table.Row key={`${name} ${run}`}>
            <Table.Cell><HostLink to={paths.export(name)}>{name}</HostLink></Table.Cell>
            <Table.Cell>{waitsFor.join(", ")}</Table.Cell>
            <Table.Cell><Time at={since} focusable none="-" /></Table.Cell>
            <Table.Cell><HostLink to={paths.run(name, run)}>Progress details</HostLink></Table.Cell>
          </Table.Row>
        ))}
      </Sheet>
    )}
  </Section>
);
