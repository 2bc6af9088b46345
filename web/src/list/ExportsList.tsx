import { Box, Button, Flex, Heading, HStack } from "@chakra-ui/react";
import { useCallback, useEffect, useState } from "react";

import type { ExportRow } from "../api/types";
import { count, some } from "../shared/amount";
import { Failed } from "../shared/Failed";
import { Icon } from "../shared/Icon";
import { BrokenDrawer } from "./BrokenDrawer";
import { isFiltered } from "./chosen";
import { Filters } from "./Filters";
import { Grid } from "./Grid";
import { NoExports } from "./NoExports";
import { Toolbar } from "./Toolbar";
import { useChosen } from "./useChosen";
import { pagesOf, useRows } from "./useRows";
import { useSelection } from "./useSelection";

/** Rows that are read before they come into view. */
const AHEAD = 50;

/** The list of exports, with what can be done to some of them. */
export const ExportsList = () => {
  const { choose, chooseColumns, chosen, columns } = useChosen();
  const [pages, setPages] = useState<readonly number[]>([0]);
  const [broken, setBroken] = useState<ExportRow>();
  // State, not a reference: the table is drawn before its box is there, and has to be drawn again.
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const rows = useRows(chosen, pages);
  const selection = useSelection();
  const onView = useCallback((from: number, until: number) => {
    const next = pagesOf(from - AHEAD, until + AHEAD);
    setPages((now) => (now.join() === next.join() ? now : next));
  }, []);
  useEffect(() => {
    scroller?.scrollTo({ top: 0 });
  }, [chosen, scroller]);
  return (
    <Flex direction="column" flex={1} gap={2} minH={0}>
      <Toolbar onClear={selection.clear} rows={selection.rows.map(rows.current)} />
      <Filters choose={choose} chooseColumns={chooseColumns} chosen={chosen} columns={columns} counts={rows.counts} />
      <HStack flexShrink={0} minH={8}>
        <Heading aria-live="polite" as="h1" size="md">
          {rows.loading ? "Exports" : some(rows.total, "export")}
        </Heading>
        {selection.size > 0 ? (
          <Button aria-label={`${count(selection.size)} selected: select none`} onClick={selection.clear} size="xs" variant="subtle">
            {count(selection.size)} selected
            <Icon name="close" size="1em" />
          </Button>
        ) : undefined}
      </HStack>
      {rows.loading ? (
        <Failed query={{ error: rows.error, refetch: rows.refetch }} what="Reading the exports" />
      ) : (
        <Box borderRadius="md" borderWidth={1} flex={1} minH="12rem" overflow="auto" ref={setScroller} tabIndex={-1}>
          {rows.total === 0 ? (
            <NoExports filtered={isFiltered(chosen)} />
          ) : (
            <Grid
              choose={choose}
              chosen={chosen}
              columns={columns}
              onBroken={setBroken}
              onView={onView}
              rows={rows}
              scroller={scroller}
              selection={selection}
            />
          )}
        </Box>
      )}
      {broken ? (
        <BrokenDrawer
          onClose={() => {
            setBroken(undefined);
          }}
          row={broken}
        />
      ) : undefined}
    </Flex>
  );
};
