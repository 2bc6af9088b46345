import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import { inProgress } from "../progress/useProgress";

export const PAGE = 50;
const SOON = 4000;

/** A page of an export's runs, newest first. */
export const useHistoryPage = (name: string, offset: number) =>
  useQuery({
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/runs", { path: { name }, query: { limit: PAGE, offset }, signal }),
    queryKey: ["exports", "runs", name, offset],
    refetchInterval: ({ state }) => (state.data?.rows.some((row) => inProgress(row.status)) ? SOON : false),
  });
