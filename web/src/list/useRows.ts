import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";

import { api } from "../api/client";
import type { ExportList, ExportRow } from "../api/types";
import { asked, type Chosen } from "./chosen";
import { PAGE, pageOf } from "./page";

const AT_ONCE = 1000;

export interface Rows {
  /** Every row that matches, read now. */
  all: () => Promise<ExportRow[]>;
  /** The row at an index; nothing while its page is being read. */
  at: (index: number) => ExportRow | undefined;
  counts: ExportList["counts"];
  /** A row as it was read last. */
  current: (row: ExportRow) => ExportRow;
  error: Error | null;
  /** Whether nothing has been read yet. */
  loading: boolean;
  /** Rows of a range, read if they are not here yet. */
  range: (from: number, until: number) => Promise<ExportRow[]>;
  refetch: () => Promise<unknown>;
  /** Whether these are the rows of the choice before, until those of this one arrive. */
  stale: boolean;
  total: number;
}

/** The chosen rows of the pages that are in view. */
export const useRows = (chosen: Chosen, pages: readonly number[]): Rows => {
  const client = useQueryClient();
  const [shown, setShown] = useState(chosen);
  const next = useQuery(pageOf(chosen, shown === chosen ? (pages[0] ?? 0) : 0));
  const results = useQueries({ queries: pages.map((page) => pageOf(shown, page)) });
  if (shown !== chosen && (next.data ?? next.error)) setShown(chosen);
  const latest = results.reduce<(typeof results)[number] | undefined>(
    (best, one) => (one.data && one.dataUpdatedAt >= (best?.dataUpdatedAt ?? 0) ? one : best),
    undefined,
  );
  const range = useCallback(
    async (from: number, until: number) => {
      const found = await Promise.all(pagesOf(from, until).map((page) => client.query({ ...pageOf(shown, page), staleTime: "static" })));
      const start = Math.floor(from / PAGE) * PAGE;
      return found.flatMap(({ rows }) => rows).slice(from - start, until - start + 1);
    },
    [client, shown],
  );
  const [known, setKnown] = useState<ExportList>();
  if (latest?.data && latest.data !== known) setKnown(latest.data);
  const list = latest?.data ?? known;
  const total = list?.total ?? 0;
  return {
    all: () => everyRow(shown, total),
    at: (index) => results[pages.indexOf(Math.floor(index / PAGE))]?.data?.rows[index % PAGE],
    counts: list?.counts ?? {},
    current: (row) => results.flatMap(({ data }) => data?.rows ?? []).find(({ name }) => name === row.name) ?? row,
    error: list ? null : (results.find(({ error }) => error)?.error ?? null),
    loading: !list,
    range,
    refetch: () => client.invalidateQueries({ queryKey: ["exports"] }),
    stale: shown !== chosen,
    total,
  };
};

/** The pages of a range of rows. */
export const pagesOf = (first: number, last: number): number[] => {
  const from = Math.floor(Math.max(0, first) / PAGE);
  const until = Math.floor(Math.max(0, last) / PAGE);
  return Array.from({ length: until - from + 1 }, (_, index) => from + index);
};

const everyRow = async (chosen: Chosen, total: number): Promise<ExportRow[]> => {
  const parts = Array.from({ length: Math.ceil(total / AT_ONCE) }, (_, part) =>
    api.get("/api/v1/exports", { query: { ...asked(chosen), limit: AT_ONCE, offset: part * AT_ONCE } }),
  );
  return (await Promise.all(parts)).flatMap(({ rows }) => rows);
};
