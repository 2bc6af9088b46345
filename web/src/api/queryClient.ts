import { QueryClient } from "@tanstack/react-query";

import { UnreachableError } from "./problem";

const LONGEST_PAUSE = 10_000;

/** Reads are tried again as long as Airflow does not answer; other errors are shown at once. Writes are never repeated. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      retry: (_, error) => error instanceof UnreachableError,
      retryDelay: (failures) => Math.min(1000 * 2 ** failures, LONGEST_PAUSE),
      staleTime: 2000,
    },
    mutations: { networkMode: "always", retry: false },
  },
});
