import { useQuery } from "@tanstack/react-query";

import { api } from "./client";
import type { Me } from "./types";

/** The user: a name, roles, and the rights that do not depend on an export or connection. */
export const useMe = (): Me | undefined =>
  useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/me", { signal }),
    queryKey: ["me"],
    staleTime: 60_000,
  }).data;
