import { useQuery } from "@tanstack/react-query";

import { api } from "./client";
import type { ExportDetail } from "./types";

const SOON = 2000;
const LATER = 15_000;

/** One export in detail. While a page shows it `live`, it is read again, and more often while a run is in progress. */
export const useExport = (name: string, live = false) =>
  useQuery({
    enabled: name !== "",
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}", { path: { name }, signal }),
    queryKey: ["exports", "detail", name],
    refetchInterval: ({ state }) => live && (isActive(state.data) ? SOON : LATER),
  });

const isActive = (detail: ExportDetail | undefined): boolean => ["processing", "queued"].includes(detail?.row.status ?? "");
