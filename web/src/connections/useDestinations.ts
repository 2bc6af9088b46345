import { useQuery } from "@tanstack/react-query";

import { api } from "../api/client";

/** Every type of destination, with the keys of its connections. */
export const useDestinations = () =>
  useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/destinations", { signal }),
    queryKey: ["destinations"],
    staleTime: 60_000,
  });
