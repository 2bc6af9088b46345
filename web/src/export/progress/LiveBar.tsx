import { Box, Flex, Progress, Stack, Text, VisuallyHidden } from "@chakra-ui/react";

import type { Progress as Run, Shard } from "../../api/types";
import { bytes, count } from "../../shared/amount";
import { duration } from "../../shared/moment";
import { inProgress } from "./useProgress";

type Amounts = Pick<Shard, "bytes_per_second" | "bytes_sent" | "chunks" | "chunks_sent" | "records" | "records_per_second" | "records_sent" | "seconds_left">;

/** What a run has sent of all it will send, and how long the rest takes. */
export const LiveBar = ({ run: { status, totals } }: { run: Run }) => {
  const live = inProgress(status);
  if (!live && totals.chunks === 0) return undefined;
  return (
    <Stack gap={1}>
      <SentBar amounts={totals} label="Sent" live={live} />
      <VisuallyHidden aria-live="polite" role="status">{live ? spoken(totals) : `The run is ${status}.`}</VisuallyHidden>
    </Stack>
  );
};

/** A bar with its figures: chunks, records, bytes, rate, time left. */
export const SentBar = ({ amounts, label, live }: { amounts: Amounts; label: string; live: boolean }) => (
  <Box>
    <Progress.Root
      aria-label={label}
      colorPalette={live ? "running" : "success"}
      max={100}
      size="sm"
      striped={live}
      value={live && amounts.records === 0 && amounts.chunks === 0 ? null : percent(amounts)}
    >
      <Progress.Track>
        <Progress.Range />
      </Progress.Track>
    </Progress.Root>
    <Flex color="fg.muted" columnGap={4} flexWrap="wrap" fontSize="sm" fontVariantNumeric="tabular-nums" mt={1}>
      {figures(amounts, live).map((figure) => <Text key={figure}>{figure}</Text>)}
    </Flex>
  </Box>
);

const percent = ({ chunks, chunks_sent: sent, records, records_sent: recordsSent }: Amounts): number => {
  if (records > 0) return Math.min(100, (100 * recordsSent) / records);
  return chunks > 0 ? Math.min(100, (100 * sent) / chunks) : 0;
};

const figures = (amounts: Amounts, live: boolean): string[] => {
  if (live && amounts.chunks === 0 && amounts.records === 0) return ["Nothing sent yet"];
  const rates = [`${count(Math.round(amounts.records_per_second))} records/s`, `${bytes(amounts.bytes_per_second)}/s`];
  return [
    `${Math.floor(percent(amounts))} %`,
    ...(amounts.chunks > 0 ? [`${count(amounts.chunks_sent)} of ${count(amounts.chunks)} chunks`] : []),
    `${count(amounts.records_sent)} of ${count(amounts.records)} records`,
    bytes(amounts.bytes_sent),
    ...(amounts.records_per_second > 0 ? rates : []),
    ...(live && typeof amounts.seconds_left === "number" ? [`about ${duration(Math.round(amounts.seconds_left))} left`] : []),
  ];
};

/** In steps of a tenth, so that a screen reader is not interrupted every two seconds. */
const spoken = (amounts: Amounts): string =>
  amounts.chunks === 0 && amounts.records === 0 ? "Nothing sent yet" : `${10 * Math.floor(percent(amounts) / 10)} percent sent`;
