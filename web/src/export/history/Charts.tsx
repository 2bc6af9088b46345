import { SimpleGrid, Stack, Text } from "@chakra-ui/react";

import type { RunRow } from "../../api/types";
import { bytes, count } from "../../shared/amount";
import { duration } from "../../shared/moment";
import { Section } from "../../shared/Section";
import { Chart } from "../../shared/chart/Chart";
import type { Point } from "../../shared/chart/chartOptions";

const FEWEST = 2;

/** Records, bytes and duration of the deliveries of this page. The table of runs below has the same figures. */
const Charts = ({ rows }: { rows: RunRow[] }) => {
  const deliveries = rows.filter((row) => row.status === "successful" && row.ended).reverse();
  if (deliveries.length < FEWEST) {
    return <Text color="fg.muted" fontSize="sm">Charts appear here when there are two deliveries or more.</Text>;
  }
  const points = (key: "bytes" | "records" | "seconds"): Point[] =>
    deliveries.map((row) => ({ at: new Date(row.ended ?? "").getTime() / 1000, outlier: row.outlier.includes(key), value: row[key] }));
  return (
    <Section title="Deliveries">
      <SimpleGrid columns={{ base: 1, md: 3 }} gap={4}>
        <Chart points={points("records")} says={count} title="Records" />
        <Chart points={points("bytes")} says={bytes} title="Size" />
        <Chart points={points("seconds")} says={duration} title="Duration" />
      </SimpleGrid>
      <Stack color="fg.muted" fontSize="xs">
        A hollow square marks a delivery that is far from those before it. The table below has the same figures.
      </Stack>
    </Section>
  );
};

export default Charts;
