import { Box } from "@chakra-ui/react";

/** A text as it is, with its own lines: YAML, a plan, an error page. */
export const Pre = ({ label, maxH = "26rem", text }: { label: string; maxH?: string; text: string }) => (
  <Box
    aria-label={label}
    as="pre"
    bg="bg.muted"
    borderRadius="md"
    borderWidth={1}
    fontFamily="mono"
    fontSize="xs"
    lineHeight="1.6"
    maxH={maxH}
    overflow="auto"
    p={3}
    role="region"
    tabIndex={0}
  >
    {text}
  </Box>
);
