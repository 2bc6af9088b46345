import { Alert, List, Stack, Text } from "@chakra-ui/react";

import type { Done } from "../api/types";
import { Icon } from "./Icon";
import { ProblemPanel } from "./ProblemPanel";
import { some } from "./amount";

interface Props {
  done: Done;
  /** What was done, after a number of exports: *3 exports started*. */
  verb: string;
}

/** What happened to each export of a selection: one summary, with the reasons of those that were left out. */
export const DoneSummary = ({ done: { done, skipped }, verb }: Props) => (
  <Stack aria-live="polite" gap={3}>
    <Alert.Root status={done.length > 0 ? "success" : "warning"}>
      <Icon name={done.length > 0 ? "check" : "info"} />
      <Alert.Title>{summary(done.length, skipped.length, verb)}</Alert.Title>
    </Alert.Root>
    {skipped.length > 0 ? (
      <List.Root gap={2} maxH="20rem" overflowY="auto" variant="plain">
        {skipped.map(({ name, problem, why }) => (
          <List.Item key={name} overflowWrap="anywhere">
            <Text fontWeight="semibold">{name}</Text>
            {problem?.patch ? (
              <ProblemPanel error={problem} tone="warning" />
            ) : (
              <Text color="fg.muted">{problem?.next ? `${why}: ${problem.next}` : why}</Text>
            )}
          </List.Item>
        ))}
      </List.Root>
    ) : undefined}
  </Stack>
);

/** `3 exports started; 1 skipped`. */
export const summary = (done: number, skipped: number, verb: string): string => {
  const first = done > 0 ? `${some(done, "export")} ${verb}` : `No export ${verb}`;
  return skipped > 0 ? `${first}; ${skipped} skipped` : first;
};
