import { useQuery } from "@tanstack/react-query";

import { api } from "../api/client";

/** Every connection, as the user may see it. */
export const useConnections = () =>
  useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/connections", { signal }),
    queryKey: ["connections"],
    staleTime: 10_000,
  });
