import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";

const STALE = 30_000;

export const useDatasets = () =>
  useQuery({ queryFn: ({ signal }) => api.get("/api/v1/catalog/datasets", { signal }), queryKey: ["catalog", "datasets"], staleTime: STALE });

/** Every segment. With a connection: whether it takes the segment, and what the guardrails say of its size there, in an
 * export that splits segments over the limit or skips the run. */
export const useSegments = (connection = "", split = false) =>
  useQuery({
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get("/api/v1/catalog/segments", { query: connection ? { connection, split } : {}, signal }),
    queryKey: ["catalog", "segments", connection, split],
    staleTime: STALE,
  });

/** The columns of a dataset. Its source is read, so this may take a moment. */
export const useColumns = (dataset: string) =>
  useQuery({
    enabled: dataset !== "",
    queryFn: ({ signal }) => api.get("/api/v1/catalog/datasets/{dataset}/columns", { path: { dataset }, signal }),
    queryKey: ["catalog", "columns", dataset],
    staleTime: 300_000,
  });
