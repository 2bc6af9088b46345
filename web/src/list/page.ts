import { queryOptions } from "@tanstack/react-query";

import { api } from "../api/client";
import { asked, type Chosen } from "./chosen";

/** Rows that are read at once. */
export const PAGE = 100;
const EVERY = 5000;

/** One page of the chosen exports. It is read again every five seconds while it is in view. */
export const pageOf = (chosen: Chosen, page: number) =>
  queryOptions({
    queryFn: ({ signal }) =>
      api.get("/api/v1/exports", { query: { ...asked(chosen), limit: PAGE, offset: page * PAGE }, signal }),
    queryKey: ["exports", "list", chosen, page],
    refetchInterval: EVERY,
  });
