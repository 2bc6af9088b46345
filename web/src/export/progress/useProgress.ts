import { useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";

const SOON = 2000;

/** A run with its tasks; read every 2 seconds while it is in progress. */
export const useProgress = (name: string, run: string) =>
  useQuery({
    enabled: run !== "",
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/runs/{run}", { path: { name, run }, signal }),
    queryKey: ["exports", "run", name, run],
    refetchInterval: ({ state }) => (inProgress(state.data?.status) ? SOON : false),
  });

export const inProgress = (status: string | undefined): boolean => status === "processing" || status === "queued";
