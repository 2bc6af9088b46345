import { Stack, Table } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api } from "../api/client";
import { count } from "../shared/amount";
import { Chart } from "../shared/chart/Chart";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Sheet } from "../shared/Sheet";
import { Time } from "../shared/Time";

const REFRESHES = ["refresh", "refreshes"] as const;
const HEADS = ["Refreshed", { label: "Members", number: true as const }];

/** The members of a segment at its last refreshes, as a chart and as a table. */
const Members = ({ name }: { name: string }) => {
  const query = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/catalog/segments/{segment}/members", { path: { segment: name }, signal }),
    queryKey: ["catalog", "members", name],
  });
  const points = useMemo(
    () => (query.data ?? []).map(({ at, members }) => ({ at: Date.parse(at) / 1000, outlier: false, value: members })),
    [query.data],
  );
  if (!query.data) return <Failed query={query} what="Counting the members" />;
  if (points.length === 0) return <Empty says="The system refresh evaluates segments." title="It has not been refreshed yet" />;
  return (
    <Stack gap={4}>
      {points.length > 1 ? <Chart of={REFRESHES} points={points} says={count} title="Members" /> : undefined}
      <Sheet heads={HEADS} label={`Members of ${name} over time`}>
        {query.data.toReversed().map(({ at, members }) => (
          <Table.Row key={at}>
            <Table.Cell><Time as="local" at={at} focusable /></Table.Cell>
            <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end">{count(members)}</Table.Cell>
          </Table.Row>
        ))}
      </Sheet>
    </Stack>
  );
};

export default Members;
