import { Box, Button, HStack, Stack, Table, Text } from "@chakra-ui/react";
import { useMutation } from "@tanstack/react-query";

import { api } from "../../api/client";
import type { FeedPreview } from "../../api/types";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { Section } from "../../shared/Section";
import { Sheet } from "../../shared/Sheet";
import { some } from "../../shared/amount";

const ROWS = 20;

/** The first rows of each feed as they would be delivered. They are read when they are asked for. */
export const Preview = ({ broken, isNew, name, text }: { broken: boolean; isNew: boolean; name: string; text: string }) => {
  const preview = useMutation({
    mutationFn: () => api.post("/api/v1/drafts/preview", { body: { family: "export", name: name || "new-export", new: isNew, rows: ROWS, text } }),
  });
  return (
    <Stack gap={4}>
      <HStack>
        <Button
          disabled={broken}
          loading={preview.isPending}
          onClick={() => {
            preview.mutate();
          }}
          size="sm"
          variant="outline"
        >
          Preview {ROWS} rows
        </Button>
        <Text color="fg.muted" fontSize="sm">{broken ? "Correct the errors first." : "Renamed, hashed and filtered as they would be delivered."}</Text>
      </HStack>
      {preview.error ? <ProblemPanel error={preview.error} /> : undefined}
      {preview.data?.map((feed) => <Feed feed={feed} key={feed.feed} />)}
    </Stack>
  );
};

const Feed = ({ feed }: { feed: FeedPreview }) => (
  <Section title={feed.feed}>
    <Sheet heads={feed.columns} label={`Rows of ${feed.feed}`}>
      {feed.rows.map((row, index) => (
        <Table.Row key={`${index} ${row[0] ?? ""}`}>
          {row.map((value, column) => (
            <Table.Cell fontFamily="mono" fontSize="xs" key={feed.columns[column]} maxW="20rem" truncate>
              {value ?? <Box as="em" color="fg.muted">null</Box>}
            </Table.Cell>
          ))}
        </Table.Row>
      ))}
    </Sheet>
    <Text color="fg.muted" fontSize="sm">
      {feed.rows.length === 0 ? "No rows. " : ""}
      {typeof feed.accounts === "number" ? `The contacts of ${some(feed.accounts, "account")}. ` : ""}
      {feed.rejected > 0 ? `${some(feed.rejected, "row")} before the last one shown would be rejected.` : ""}
    </Text>
  </Section>
);
