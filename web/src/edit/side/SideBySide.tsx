import { Box, chakra } from "@chakra-ui/react";

import { type DiffRow, lineDiff } from "./lineDiff";

interface Props {
  left: string;
  leftTitle: string;
  right: string;
  rightTitle: string;
}

/** Two texts beside each other. Removed and added lines have a sign, a word for screen readers, and a colour. */
export const SideBySide = ({ left, leftTitle, right, rightTitle }: Props) => (
  <Box aria-label={`${leftTitle}, and ${rightTitle}`} borderRadius="md" borderWidth={1} fontFamily="mono" fontSize="xs" maxH="32rem" overflow="auto" role="region" tabIndex={0}>
    <chakra.table w="full">
      <chakra.thead bg="bg.muted" position="sticky" textAlign="start" top={0}>
        <tr>
          <chakra.th fontWeight="semibold" px={3} py={1.5} scope="col" textAlign="start" w="50%">{leftTitle}</chakra.th>
          <chakra.th fontWeight="semibold" px={3} py={1.5} scope="col" textAlign="start">{rightTitle}</chakra.th>
        </tr>
      </chakra.thead>
      <tbody>
        {lineDiff(left, right).map((row, index) => <Row key={`${index} ${row.left ?? ""}`} row={row} />)}
      </tbody>
    </chakra.table>
  </Box>
);

const Row = ({ row: { left, right } }: { row: DiffRow }) => {
  const same = left === right;
  return (
    <tr>
      <Side background={same || left === undefined ? undefined : "bg.error"} line={left} says={same ? "" : "removed"} sign={same ? " " : "-"} />
      <Side background={same || right === undefined ? undefined : "bg.success"} line={right} says={same ? "" : "added"} sign={same ? " " : "+"} />
    </tr>
  );
};

const Side = ({ background, line, says, sign }: { background: string | undefined; line: string | undefined; says: string; sign: string }) => (
  <chakra.td {...(background ? { bg: background } : {})} borderEndWidth={1} overflowWrap="anywhere" px={2} verticalAlign="top" whiteSpace="pre-wrap">
    {line === undefined ? undefined : (
      <>
        {says ? <Box as="span" srOnly>{says}: </Box> : undefined}
        <Box aria-hidden as="span" color="fg.muted" userSelect="none">{sign} </Box>
        {line}
      </>
    )}
  </chakra.td>
);
