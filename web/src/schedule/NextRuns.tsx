import { Box, List, Text } from "@chakra-ui/react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api } from "../api/client";
import type { ExportDetail } from "../api/types";
import { ProblemPanel } from "../shared/ProblemPanel";
import { Time } from "../shared/Time";
import { useSettled } from "../shared/useSettled";

interface Props {
  detail: ExportDetail;
  schedule: unknown;
}

/** The next five runs of an export if it had this schedule, or what is wrong with it. */
export const NextRuns = ({ detail, schedule }: Props) => {
  const { name } = detail.row;
  const wanted = useSettled(JSON.stringify(schedule));
  const checked = useQuery({
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const values = { ...detail.values, enabled: true, schedule: JSON.parse(wanted) as unknown };
      const { text } = await api.post("/api/v1/drafts/text", { body: { family: "export", text: detail.text, values }, signal });
      return api.post("/api/v1/drafts/check", { body: { family: "export", name, new: false, text }, signal });
    },
    queryKey: ["drafts", "schedule", name, detail.tag, wanted],
  });
  if (checked.error) return <ProblemPanel error={checked.error} onRetry={() => void checked.refetch()} />;
  if (!checked.data) return <Text color="fg.muted">Computing the next runs</Text>;
  const [first] = checked.data.errors;
  if (first) return <ProblemPanel error={first} />;
  return (
    <Box aria-live="polite">
      <Text fontWeight="semibold">{checked.data.schedule}</Text>
      {checked.data.next_runs.length > 0 ? (
        <>
          <Text color="fg.muted">The next runs, in your time zone:</Text>
          <List.Root ps={5}>
            {checked.data.next_runs.slice(0, 5).map((at) => (
              <List.Item key={at}>
                <Time as="local" at={at} focusable />
              </List.Item>
            ))}
          </List.Root>
        </>
      ) : (
        <Text color="fg.muted">Its runs do not start at times that can be computed.</Text>
      )}
    </Box>
  );
};
