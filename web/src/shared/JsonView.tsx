import { Box } from "@chakra-ui/react";

interface Props {
  label: string;
  value: unknown;
}

const MOST_ENTRIES = 500;

/** A JSON value that opens and closes by its levels. It needs only the keyboard. */
export const JsonView = ({ label, value }: Props) => (
  <Box
    aria-label={label}
    bg="bg.muted"
    borderRadius="md"
    borderWidth={1}
    css={{ "& details": { paddingInlineStart: "1rem" }, "& summary": { cursor: "pointer", marginInlineStart: "-1rem" } }}
    fontFamily="mono"
    fontSize="xs"
    maxH="26rem"
    overflow="auto"
    p={3}
    role="region"
    tabIndex={0}
  >
    <Value level={0} value={value} />
  </Box>
);

const Value = ({ level, name, value }: { level: number; name?: string | undefined; value: unknown }) => {
  if (typeof value !== "object" || value === null) return <Leaf name={name} value={value} />;
  const entries = Object.entries(value as Record<string, unknown>);
  const kind = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <details open={level < 1}>
      <summary>{name === undefined ? "" : `${name}: `}<Box as="span" color="fg.muted">{kind}</Box></summary>
      {entries.slice(0, MOST_ENTRIES).map(([key, one]) => <Value key={key} level={level + 1} name={key} value={one} />)}
      {entries.length > MOST_ENTRIES ? <Box color="fg.muted" ps={4}>and {entries.length - MOST_ENTRIES} more</Box> : undefined}
    </details>
  );
};

const Leaf = ({ name, value }: { name: string | undefined; value: unknown }) => (
  <Box overflowWrap="anywhere" ps={4}>
    {name === undefined ? undefined : <Box as="span" color="fg.muted">{name}: </Box>}
    {JSON.stringify(value)}
  </Box>
);
