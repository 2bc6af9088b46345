import { Alert, Button, Code, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";

import { api } from "../api/client";
import { Dialog } from "../shared/Dialog";
import { Failed } from "../shared/Failed";
import { Icon } from "../shared/Icon";
import { ProblemPanel } from "../shared/ProblemPanel";

/** Writes, reads and removes a small file at the destination, and shows how that went. */
export const TestDialog = ({ name, onClose }: { name: string; onClose: () => void }) => {
  const test = useQuery({
    gcTime: 0,
    queryFn: ({ signal }) => api.post("/api/v1/connections/{name}/test", { body: {}, path: { name }, signal }),
    queryKey: ["connections", "test", name],
    refetchOnMount: "always",
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
    retry: false,
  });
  const again = (
    <Button loading={test.isFetching} onClick={() => void test.refetch()} variant="outline">Test again</Button>
  );
  return (
    <Dialog
      footer={
        <>
          {again}
          <Button onClick={onClose}>Close</Button>
        </>
      }
      onClose={onClose}
      title={`Test connection ${name}`}
    >
      {test.data && !test.isFetching ? (
        <Stack aria-live="polite" gap={3}>
          {test.data.ok ? (
            <Alert.Root status="success">
              <Icon name="check" />
              <Alert.Title>The connection works: a small file was written, read and removed.</Alert.Title>
            </Alert.Root>
          ) : undefined}
          {test.data.problem ? <ProblemPanel error={test.data.problem} /> : undefined}
          {test.data.lines.map((line) => (
            <Code key={line} overflowWrap="anywhere" whiteSpace="pre-wrap">{line}</Code>
          ))}
          {!test.data.ok && !test.data.problem ? <Text>The connection does not work.</Text> : undefined}
        </Stack>
      ) : (
        <Failed query={{ error: test.isFetching ? null : test.error, refetch: test.refetch }} what="Writing, reading and removing a small file" />
      )}
    </Dialog>
  );
};
