import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router-dom";

import { type Chosen, chosenIn, columnsIn, written } from "./chosen";
import { type ColumnId, SHOWN_AT_FIRST } from "./columns";

const KEPT = "sluice.exports.columns";

interface Choice {
  choose: (change: Partial<Chosen>, replace?: boolean) => void;
  chooseColumns: (columns: ColumnId[]) => void;
  chosen: Chosen;
  columns: ColumnId[];
}

/** What the address of the page chooses. Columns that it does not name are those that this browser showed last. */
export const useChosen = (): Choice => {
  const [query, setQuery] = useSearchParams();
  const text = written(new URLSearchParams(), chosenIn(query)).toString();
  const chosen = useMemo(() => chosenIn(new URLSearchParams(text)), [text]);
  const named = query.get("columns");
  const columns = useMemo(() => columnsIn(named) ?? columnsIn(kept()) ?? SHOWN_AT_FIRST, [named]);
  const choose = useCallback(
    (change: Partial<Chosen>, replace = false) => {
      setQuery((now) => written(now, { ...chosenIn(now), ...change }), { replace });
    },
    [setQuery],
  );
  const chooseColumns = useCallback(
    (next: ColumnId[]) => {
      keep(next.join(","));
      setQuery((now) => withColumns(now, next), { replace: true });
    },
    [setQuery],
  );
  return { choose, chooseColumns, chosen, columns };
};

const withColumns = (query: URLSearchParams, columns: ColumnId[]): URLSearchParams => {
  const found = new URLSearchParams(query);
  found.set("columns", columns.join(","));
  return found;
};

/** A browser may forbid storage: then columns are only in the address. */
const kept = (): string | null => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
};

const keep = (text: string) => {
  try {
    localStorage.setItem(KEPT, text);
  } catch {
    // The address has them.
  }
};
