import { Box, SimpleGrid, Stack, Text } from "@chakra-ui/react";

import type { Entry } from "../api/types";

/** What an action changed: each file before and after. Read when it is opened. */
export const Texts = ({ texts }: { texts: Entry["texts"] }) =>
  texts.length > 0 ? (
    <Box fontSize="xs" mt={1}>
      <details>
        <summary>What it changed</summary>
        <Stack gap={3} mt={2}>
          {texts.map(({ after, before, file }) => (
            <Box key={file}>
              <Text fontWeight="semibold">{file}</Text>
              <SimpleGrid columns={{ base: 1, lg: 2 }} gap={2}>
                <Side text={before} title="Before" />
                <Side text={after} title="After" />
              </SimpleGrid>
            </Box>
          ))}
        </Stack>
      </details>
    </Box>
  ) : undefined;

const Side = ({ text, title }: { text: string | null | undefined; title: string }) => (
  <Box minW={0}>
    <Text color="fg.muted">{title}</Text>
    <Box aria-label={title} as="pre" bg="bg.muted" borderRadius="sm" maxH="16rem" overflow="auto" p={2} role="region" tabIndex={0}>
      {text ?? "(no file)"}
    </Box>
  </Box>
);
