import { Box, Flex, Heading, Stack, Text } from "@chakra-ui/react";

import type { ExportDetail } from "../api/types";
import { count } from "../shared/amount";
import { Bytes } from "../shared/Bytes";
import { Fact, Facts } from "../shared/Fact";
import { StatusBadge } from "../shared/StatusBadge";
import { Time } from "../shared/Time";
import { ExportActions } from "./ExportActions";

/** What an export is and how it is doing, at the top of its tabs. */
export const ExportHeader = ({ detail }: { detail: ExportDetail }) => {
  const { row } = detail;
  return (
    <Stack gap={3}>
      <Flex align="flex-start" flexWrap="wrap" gap={3} justify="space-between">
        <Box minW={0}>
          <Heading as="h1" overflowWrap="anywhere" size="md">{row.title || row.name}</Heading>
          {row.title && row.title !== row.name ? <Text color="fg.muted" fontFamily="mono" fontSize="xs">{row.name}</Text> : undefined}
        </Box>
        <ExportActions detail={detail} />
      </Flex>
      <Facts>
        <Fact label="Status"><StatusBadge status={row.status} why={row.why} /></Fact>
        <Fact label="Connection">{row.connection_title || row.connection || "No connection"}</Fact>
        <Fact label="Schedule">{row.schedule || "-"}{suffix(row.scheduled)}</Fact>
        <Fact label="Next run"><Time at={row.next_run} focusable none="-" /></Fact>
        <Fact label="Last delivery">
          <Time at={row.refreshed} focusable none="Nothing yet" />
        </Fact>
        {row.refreshed ? <Fact label="Delivered">{count(row.records)} records, <Bytes of={row.bytes} /></Fact> : undefined}
        {row.owner ? <Fact label="Owner">{row.owner}</Fact> : undefined}
      </Facts>
    </Stack>
  );
};

const suffix = (scheduled: string): string => (["done", "ended", "off", "paused"].includes(scheduled) ? ` (${scheduled})` : "");
