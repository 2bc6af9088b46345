import { useQuery } from "@tanstack/react-query";

import { api } from "../api/client";

const SOON = 3000;
const LATER = 15_000;

/** System status; read more often while a refresh is in progress or a run waits. */
export const useSystem = () =>
  useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/system", { signal }),
    queryKey: ["system"],
    refetchInterval: ({ state: { data } }) => (data && (data.refreshing || data.waiting.length > 0) ? SOON : LATER),
  });
