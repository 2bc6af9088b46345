import { Box, Flex, Stack, Table, Text } from "@chakra-ui/react";

import type { Progress, RunRow } from "../../api/types";
import { count, bytes } from "../../shared/amount";
import { Failed } from "../../shared/Failed";
import { HostLink } from "../../shared/HostLink";
import { Pre } from "../../shared/Pre";
import { Sheet } from "../../shared/Sheet";
import { Compared, isComparison } from "../progress/Compared";
import { RunActions } from "../progress/RunActions";
import { useProgress } from "../progress/useProgress";
import { Warnings } from "../Warnings";
import { Manifest } from "./Manifest";
import { Receipts } from "./Receipts";

interface Props {
  may: string[];
  name: string;
  row: RunRow;
}

/** One run of the history in full: its feeds, warnings, parts and manifest, and what can be done with it. */
export const Delivery = ({ may, name, row }: Props) => {
  const query = useProgress(name, row.run);
  const run = query.data ?? { export: name, may: may.filter((verb) => DELIVERED.includes(verb) && row.status === "successful"), run: row.run };
  return (
    <Stack gap={4} py={2}>
      <Flex align="center" flexWrap="wrap" gap={3} justify="space-between">
        <Box fontFamily="mono" fontSize="xs" overflowWrap="anywhere">
          <Text>{row.run}</Text>
          {row.flow_run_id ? <Text color="fg.muted">{row.flow_run_id}</Text> : undefined}
        </Box>
        <RunActions run={run} />
      </Flex>
      {query.data?.compared ? <Compared compared={query.data.compared} name={name} /> : undefined}
      {row.why ? <Pre label={isComparison(row.status) ? "The result" : "The reason"} maxH="12rem" text={query.data?.why ?? row.why} /> : undefined}
      {query.data ? <Reported run={query.data} /> : <Failed query={query} what="Reading the report" />}
      {row.status === "successful" ? <Receipts name={name} run={row.run} /> : undefined}
      {row.manifest ? <Manifest address={row.manifest} name={name} published={row.status === "successful"} run={row.run} /> : undefined}
      <Text fontSize="sm"><HostLink to={`dags/export__${name}/runs/${encodeURIComponent(row.run)}`}>The run in Airflow</HostLink></Text>
    </Stack>
  );
};

const DELIVERED = ["resend-run", "verify-delivery"];

const Reported = ({ run }: { run: Progress }) => (
  <>
    {run.warnings.length > 0 ? <Warnings lines={run.warnings} /> : undefined}
    {run.report ? <FeedCounts report={run.report} /> : <Text color="fg.muted" fontSize="sm">The report of this run is no longer kept in staging.</Text>}
  </>
);

type Counts = Record<string, unknown>;

/** The rows of each feed, step by step: read, selected, rejected, duplicates, written. */
const FeedCounts = ({ report }: { report: Counts }) => {
  const feeds = Object.entries((report.feeds ?? {}) as Record<string, Counts>);
  if (feeds.length === 0) return undefined;
  return (
    <Sheet heads={["Feed", ...["Read", "Selected", "Rejected (quarantine)", "Duplicates", "Written", "Parts", "Size"].map((label) => ({ label, number: true as const }))]} label="Rows of each feed">
      {feeds.map(([feed, counts]) => (
        <Table.Row key={feed}>
          <Table.Cell fontWeight="semibold">{feed}</Table.Cell>
          {["read", "selected", "rejected", "duplicates", "written", "parts"].map((key) => (
            <Table.Cell fontVariantNumeric="tabular-nums" key={key} textAlign="end">{count(Number(counts[key] ?? 0))}</Table.Cell>
          ))}
          <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end">{bytes(Number(counts.bytes ?? 0))}</Table.Cell>
        </Table.Row>
      ))}
    </Sheet>
  );
};
