import { Box, Text } from "@chakra-ui/react";

interface Props {
  /** A unified diff. */
  diff: string;
  label: string;
  maxH?: string;
}

/** A unified diff: added and removed lines have a sign, a word for screen readers, and a colour. */
export const DiffLines = ({ diff, label, maxH = "20rem" }: Props) => {
  const lines = diff.replace(/\n$/u, "").split("\n").filter((line) => !/^(?:---|\+\+\+) /u.test(line));
  if (diff.trim() === "") return <Text color="fg.muted" fontSize="sm">Nothing changes.</Text>;
  return (
    <Box aria-label={label} borderRadius="md" borderWidth={1} fontFamily="mono" fontSize="xs" maxH={maxH} overflow="auto" py={2} role="region" tabIndex={0}>
      {lines.map((line, index) => <Line key={`${index} ${line}`} line={line} />)}
    </Box>
  );
};

const Line = ({ line }: { line: string }) => {
  const { background, says } = LOOKS[line[0] ?? " "] ?? LOOKS[" "];
  return (
    <Box {...(background ? { bg: background } : {})} color={line.startsWith("@@") ? "fg.muted" : "fg"} minW="max-content" px={3} whiteSpace="pre">
      {says ? <Box as="span" srOnly>{says}: </Box> : undefined}
      {line || " "}
    </Box>
  );
};

const LOOKS: Record<string, { background?: string; says?: string }> & Record<" ", { background?: string; says?: string }> = {
  " ": {},
  "+": { background: "bg.success", says: "added" },
  "-": { background: "bg.error", says: "removed" },
};
