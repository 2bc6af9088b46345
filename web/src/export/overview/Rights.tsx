import { Badge, Stack, Text, Wrap } from "@chakra-ui/react";

import type { ConnectionView, ExportDetail } from "../../api/types";
import { useConnections } from "../../connections/useConnections";
import { Section } from "../../shared/Section";

/** Who may do what with an export: it depends on whom its connection is shared with. */
export const Rights = ({ detail: { may, row } }: { detail: ExportDetail }) => {
  const connections = useConnections();
  const own = connections.data?.find(({ name }) => name === row.connection);
  return (
    <Section title="Who may do what">
      <Stack fontSize="sm" gap={2}>
        <Text>Everyone with access sees this export. Administrators may do everything.</Text>
        <Text>{sharedWith(own, row.connection)}</Text>
        <Text color="fg.muted" fontSize="xs" fontWeight="bold">You may</Text>
        <Wrap gap={1}>
          {may.map((verb) => (
            <Badge key={verb} size="sm" variant="outline">{verbInWords(verb)}</Badge>
          ))}
        </Wrap>
      </Stack>
    </Section>
  );
};

const sharedWith = (connection: ConnectionView | undefined, name: string): string => {
  if (!name) return "It has no connection: only administrators may change it.";
  if (!connection?.may.includes("view-connection")) return `Its connection ${name} is not shared with you.`;
  if (connection.shared_with.length === 0) return `Its connection ${name} is not shared: only administrators may change, run or schedule it.`;
  return `Its connection ${name} is shared with ${connection.shared_with.join(", ")}: people with one of these roles may change, run and schedule it.`;
};

/** `run-export` as `run`, `cancel-run` as `cancel a run`. */
const verbInWords = (verb: string): string => {
  const [first = "", second = ""] = verb.split("-");
  if (second.startsWith("export")) return first;
  if (verb === "set-watermark") return "set the watermark";
  return second === "delivery" ? `${first} a delivery` : `${first} a ${second}`;
};
