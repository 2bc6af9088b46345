import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api } from "../api/client";
import { useSettled } from "../shared/useSettled";

const PAUSE = 400;

/** What is wrong with a draft, and what it would do. The answer may be of the text a moment ago: see `of`. */
export const useChecked = (name: string, text: string, isNew: boolean) => {
  const settled = useSettled(text, PAUSE);
  const of = useSettled(name, PAUSE) || "new-export";
  return useQuery({
    enabled: settled.trim() !== "",
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => ({
      ...(await api.post("/api/v1/drafts/check", { body: { family: "export", name: of, new: isNew, text: settled }, signal })),
      of: settled,
    }),
    queryKey: ["drafts", "check", of, settled],
    staleTime: 60_000,
  });
};
