import { Box } from "@chakra-ui/react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect } from "react";

import type { ExportRow } from "../api/types";
import type { Chosen } from "./chosen";
import { COLUMNS, type ColumnId } from "./columns";
import { HeaderRow } from "./HeaderRow";
import { Blank, Row } from "./Row";
import { GRID } from "./look";
import type { Rows } from "./useRows";
import type { Selection } from "./useSelection";

/** Every row has the same height, in pixels, so that any of 10,000 is found without measuring the others. */
const HEIGHT = 48;
const AROUND = 12;
const TICKS = 40;

interface Props {
  choose: (change: Partial<Chosen>) => void;
  chosen: Chosen;
  columns: ColumnId[];
  onBroken: (row: ExportRow) => void;
  onView: (first: number, last: number) => void;
  rows: Rows;
  scroller: HTMLDivElement | null;
  selection: Selection;
}

/** The table. Only the rows in view are drawn. */
export const Grid = ({ choose, chosen, columns, onBroken, onView, rows, scroller, selection }: Props) => {
  const virtual = useVirtualizer({
    count: rows.total,
    estimateSize: () => HEIGHT,
    getScrollElement: () => scroller,
    overscan: AROUND,
  });
  const items = virtual.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  useEffect(() => {
    onView(first?.index ?? 0, last?.index ?? 0);
  }, [first?.index, last?.index, onView]);
  const { range } = rows;
  const { toggle } = selection;
  const onToggle = useCallback(
    (row: ExportRow, index: number, extend: boolean) => {
      toggle(row, index, extend ? range : undefined);
    },
    [range, toggle],
  );
  return (
    <Box
      aria-colcount={columns.length + 1}
      aria-label="Exports"
      aria-rowcount={rows.total + 1}
      as="table"
      css={GRID}
      opacity={rows.stale ? 0.6 : 1}
      style={{ minWidth: columns.reduce((sum, id) => sum + COLUMNS[id].width, TICKS) }}
    >
      <colgroup>
        <col style={{ width: TICKS }} />
        {columns.map((id) => (
          <col key={id} style={{ width: COLUMNS[id].width }} />
        ))}
      </colgroup>
      <HeaderRow choose={choose} chosen={chosen} columns={columns} rows={rows} selection={selection} />
      <tbody>
        <Gap height={first?.start ?? 0} />
        {items.map(({ index, key }) => {
          const row = rows.at(index);
          return row ? (
            <Row
              columns={columns}
              index={index}
              key={key}
              onBroken={onBroken}
              onToggle={onToggle}
              row={row}
              selected={selection.has(row.name)}
            />
          ) : (
            <Blank columns={columns} index={index} key={key} />
          );
        })}
        <Gap height={virtual.getTotalSize() - (last?.end ?? 0)} />
      </tbody>
    </Box>
  );
};

/** The rows that are not drawn. */
const Gap = ({ height }: { height: number }) =>
  height > 0 ? (
    <tr aria-hidden className="gap">
      <td style={{ height }} />
    </tr>
  ) : undefined;
