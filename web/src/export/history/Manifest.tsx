import { Button, HStack, Stack, Table, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { bytes, count } from "../../shared/amount";
import { download } from "../../shared/download";
import { Failed } from "../../shared/Failed";
import { Icon } from "../../shared/Icon";
import { JsonView } from "../../shared/JsonView";
import { Section } from "../../shared/Section";
import { Sheet } from "../../shared/Sheet";

interface Props {
  address: string;
  name: string;
  /** Only a published run has one at its destination. */
  published: boolean;
  run: string;
}

/** The manifest of a delivery: its parts as a table, and all of it as JSON. It is read when it is asked for. */
export const Manifest = ({ address, name, published, run }: Props) => {
  const [open, setOpen] = useState(false);
  return (
    <Section title="Manifest">
      <Text fontFamily="mono" fontSize="xs" overflowWrap="anywhere">{address}</Text>
      {published && !open ? (
        <HStack>
          <Button onClick={() => { setOpen(true); }} size="xs" variant="outline">Show the parts and the manifest</Button>
        </HStack>
      ) : undefined}
      {open ? <Opened name={name} run={run} /> : undefined}
    </Section>
  );
};

const Opened = ({ name, run }: { name: string; run: string }) => {
  const query = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/runs/{run}/manifest", { path: { name, run }, signal }),
    queryKey: ["exports", "manifest", name, run],
    staleTime: Infinity,
  });
  if (!query.data) return <Failed query={query} what="Reading the manifest at the destination" />;
  const manifest = query.data;
  return (
    <Stack gap={3}>
      <Parts manifest={manifest} />
      <JsonView label="The manifest" value={manifest} />
      <HStack>
        <Button onClick={() => { download(`${name}-manifest.json`, JSON.stringify(manifest, undefined, 2), "application/json"); }} size="xs" variant="outline">
          <Icon name="download" />
          Download
        </Button>
      </HStack>
    </Stack>
  );
};

interface Part {
  feed?: string;
  name?: string;
  records?: number;
  sha256?: string;
  sinkPath?: string;
  size?: number;
}

const MOST = 200;

const Parts = ({ manifest }: { manifest: Record<string, unknown> }) => {
  const parts = Array.isArray(manifest.exportResults) ? (manifest.exportResults as Part[]) : [];
  const heads = ["Part", "Feed", { label: "Records", number: true as const }, { label: "Size", number: true as const }, "SHA-256"];
  return (
    <>
      <Sheet heads={heads} label="Parts">
        {parts.slice(0, MOST).map((part) => (
          <Table.Row key={`${part.sinkPath ?? ""}/${part.name ?? ""}`}>
            <Table.Cell fontFamily="mono" fontSize="xs" overflowWrap="anywhere" whiteSpace="normal">{part.sinkPath}/{part.name}</Table.Cell>
            <Table.Cell>{part.feed}</Table.Cell>
            <Table.Cell textAlign="end">{count(part.records ?? 0)}</Table.Cell>
            <Table.Cell textAlign="end">{bytes(part.size ?? 0)}</Table.Cell>
            <Table.Cell fontFamily="mono" fontSize="xs" title={part.sha256}>{part.sha256?.slice(0, 12)}</Table.Cell>
          </Table.Row>
        ))}
      </Sheet>
      {parts.length > MOST ? <Text fontSize="sm">{`The first ${MOST} of ${count(parts.length)} parts; the manifest below lists all.`}</Text> : undefined}
    </>
  );
};
