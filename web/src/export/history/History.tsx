import { Button, HStack, Stack, Text } from "@chakra-ui/react";
import { lazy, Suspense, useState } from "react";

import type { ExportDetail } from "../../api/types";
import { count } from "../../shared/amount";
import { Empty } from "../../shared/Empty";
import { Failed } from "../../shared/Failed";
import { Loading } from "../../shared/Loading";
import { Section } from "../../shared/Section";
import { RunTable } from "./RunTable";
import { PAGE, useHistoryPage } from "./useHistoryPage";
import { Watermark } from "./Watermark";

const Charts = lazy(() => import("./Charts"));

/** The runs of an export: charts of its deliveries, a table of all runs, and the watermark. */
const History = ({ detail }: { detail: ExportDetail }) => {
  const [offset, setOffset] = useState(0);
  const { name } = detail.row;
  const query = useHistoryPage(name, offset);
  if (!query.data) return <Failed query={query} what="Reading the history" />;
  const { rows, total } = query.data;
  if (total === 0) return <Empty icon="clock" says="Every run is listed here, whatever its outcome." title="This export has not run yet" />;
  return (
    <Stack gap={6}>
      <Suspense fallback={<Loading what="Drawing the charts" />}>
        <Charts rows={rows} />
      </Suspense>
      <Section actions={<Pages offset={offset} onChange={setOffset} total={total} />} title={`Runs (${count(total)})`}>
        <RunTable may={detail.may} name={name} rows={rows} />
      </Section>
      {movesWatermark(detail.values) ? <Watermark maySet={detail.may.includes("set-watermark")} name={name} /> : undefined}
    </Stack>
  );
};

/** Only what is delivered in increments has a watermark. */
const movesWatermark = ({ kind, mode }: Record<string, unknown>): boolean =>
  mode === undefined ? kind === "dataset-export" : mode !== "full";

const Pages = ({ offset, onChange, total }: { offset: number; onChange: (offset: number) => void; total: number }) =>
  total > PAGE ? (
    <HStack>
      <Text color="fg.muted" fontSize="sm">{offset + 1} to {Math.min(total, offset + PAGE)} of {count(total)}</Text>
      <Button disabled={offset === 0} onClick={() => { onChange(Math.max(0, offset - PAGE)); }} size="xs" variant="outline">Newer</Button>
      <Button disabled={offset + PAGE >= total} onClick={() => { onChange(offset + PAGE); }} size="xs" variant="outline">Older</Button>
    </HStack>
  ) : undefined;

export default History;
