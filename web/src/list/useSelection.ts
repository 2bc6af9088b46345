import { useCallback, useMemo, useRef, useState } from "react";

import type { ExportRow } from "../api/types";

export interface Selection {
  add: (rows: ExportRow[]) => void;
  clear: () => void;
  has: (name: string) => boolean;
  rows: ExportRow[];
  size: number;
  /** Selects or releases a row; with `range`, also those between it and the row before. */
  toggle: (row: ExportRow, index: number, range?: (from: number, until: number) => Promise<ExportRow[]>) => void;
}

/** The exports that are selected. Sorting, filtering and refreshing leave them. */
export const useSelection = (): Selection => {
  const [selected, setSelected] = useState<ReadonlyMap<string, ExportRow>>(new Map());
  const last = useRef<number | undefined>(undefined);
  const add = useCallback((rows: ExportRow[]) => {
    setSelected((now) => new Map([...now, ...rows.map((row) => [row.name, row] as const)]));
  }, []);
  const toggle: Selection["toggle"] = useCallback(
    (row, index, range) => {
      const before = last.current;
      last.current = index;
      if (range && before !== undefined) {
        void range(Math.min(before, index), Math.max(before, index)).then(add);
        return;
      }
      setSelected((now) => {
        const next = new Map(now);
        if (!next.delete(row.name)) next.set(row.name, row);
        return next;
      });
    },
    [add],
  );
  const clear = useCallback(() => {
    last.current = undefined;
    setSelected(new Map());
  }, []);
  return useMemo(
    () => ({ add, clear, has: (name) => selected.has(name), rows: [...selected.values()], size: selected.size, toggle }),
    [add, clear, selected, toggle],
  );
};
