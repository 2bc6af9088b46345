import { Box, Button, Flex, Heading, Stack, Table, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router-dom";

import { api } from "../api/client";
import type { AuditPage, Entry } from "../api/types";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Sheet } from "../shared/Sheet";
import { StatusBadge } from "../shared/StatusBadge";
import { TextField } from "../shared/TextField";
import { Time } from "../shared/Time";
import { useSettled } from "../shared/useSettled";
import { Texts } from "./Texts";

const HEADS = ["When", "Who", "What", "On", "Outcome"];
const WORDS = { done: "successful", failed: "failed", refused: "held" } as const;

/** The audit log: who did what, and what it changed. */
const Activity = () => {
  const [query, setQuery] = useSearchParams();
  const [typed, setTyped] = useState(query.get("subject") ?? "");
  const subject = useSettled(typed.trim());
  const log = useInfiniteQuery({
    getNextPageParam: ({ entries, more }: AuditPage) => (more ? entries.at(-1)?.[0] : undefined),
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/audit", { query: { limit: 50, subject, ...(pageParam === undefined ? {} : { before: pageParam }) }, signal }),
    queryKey: ["audit", subject],
  });
  const entries = log.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Stack gap={3}>
      <Flex align="end" flexWrap="wrap" gap={3} justify="space-between">
        <Heading as="h1" size="md">Activity</Heading>
        <Box minW={{ base: "full", sm: "20rem" }}>
          <TextField
            label="Only what concerns"
            onChange={(text) => {
              setTyped(text);
              setQuery(text.trim() ? { subject: text.trim() } : {}, { replace: true });
            }}
            placeholder="orders, or connection partner-drop"
            value={typed}
          />
        </Box>
      </Flex>
      {log.data ? undefined : <Failed query={log} what="Reading the audit log" />}
      {log.data && entries.length === 0 ? <Empty icon="clock" says="Every change of a declaration is recorded here." title="Nothing is recorded" /> : undefined}
      {entries.length > 0 ? (
        <Sheet heads={HEADS} label="Audit log, newest first">
          {entries.map(([number, entry]) => (
            <Line entry={entry} key={number} />
          ))}
        </Sheet>
      ) : undefined}
      {log.hasNextPage ? (
        <Button alignSelf="start" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()} variant="outline">
          Show older entries
        </Button>
      ) : undefined}
    </Stack>
  );
};

const Line = ({ entry }: { entry: Entry }) => (
  <Table.Row>
    <Table.Cell verticalAlign="top">
      <Time as="local" at={entry.at} focusable />
    </Table.Cell>
    <Table.Cell verticalAlign="top">
      {entry.actor}
      {entry.administrator ? <Text color="fg.muted" fontSize="xs">administrator</Text> : undefined}
    </Table.Cell>
    <Table.Cell verticalAlign="top">{entry.verb.replaceAll("-", " ")}</Table.Cell>
    <Table.Cell overflowWrap="anywhere" verticalAlign="top">
      {entry.subjects.slice(0, 5).join(", ")}
      {entry.subjects.length > 5 ? ` and ${entry.subjects.length - 5} more` : ""}
    </Table.Cell>
    <Table.Cell verticalAlign="top">
      <StatusBadge status={WORDS[entry.outcome]} word={entry.outcome} />
      {entry.why ? <Text fontSize="xs" mt={1} overflowWrap="anywhere" whiteSpace="pre-line">{entry.why}</Text> : undefined}
      <Texts texts={entry.texts} />
    </Table.Cell>
  </Table.Row>
);

export default Activity;
