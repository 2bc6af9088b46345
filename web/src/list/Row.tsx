import { memo } from "react";

import type { ExportRow } from "../api/types";
import { CELLS } from "./cells";
import { COLUMNS, type ColumnId, type Column } from "./columns";

interface Props {
  columns: ColumnId[];
  index: number;
  onBroken: (row: ExportRow) => void;
  onToggle: (row: ExportRow, index: number, extend: boolean) => void;
  row: ExportRow;
  selected: boolean;
}

/** One export. It is drawn again only if something about it changed. */
export const Row = memo(function Row({ columns, index, onBroken, onToggle, row, selected }: Props) {
  return (
    <tr aria-rowindex={index + 2} aria-selected={selected}>
      <td>
        <Tick
          checked={selected}
          label={`Select ${row.name}`}
          onTick={(extend) => {
            onToggle(row, index, extend);
          }}
        />
      </td>
      {columns.map((id) => (
        <td className={(COLUMNS[id] as Column).numeric ? "number" : undefined} key={id}>
          {CELLS[id](row, { onBroken })}
        </td>
      ))}
    </tr>
  );
});

/** A row that is being read. */
export const Blank = memo(function Blank({ columns, index }: { columns: ColumnId[]; index: number }) {
  return (
    <tr aria-busy aria-rowindex={index + 2}>
      <td />
      {columns.map((id) => (
        <td key={id}>
          <span className="blank" />
        </td>
      ))}
    </tr>
  );
});

interface TickProps {
  checked: boolean;
  indeterminate?: boolean;
  label: string;
  /** `extend`: with Shift. */
  onTick: (extend: boolean) => void;
}

/** A checkbox. It is the browser's own, because hundreds are drawn while scrolling. */
export const Tick = ({ checked, indeterminate = false, label, onTick }: TickProps) => (
  <input
    aria-label={label}
    checked={checked}
    onChange={(event) => {
      onTick((event.nativeEvent as MouseEvent).shiftKey);
    }}
    ref={(element: HTMLInputElement | null) => {
      if (element) element.indeterminate = indeterminate;
    }}
    type="checkbox"
  />
);
