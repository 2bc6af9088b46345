import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router-dom";

import { api } from "../api/client";
import { ProblemError } from "../api/problem";
import { notify } from "../shared/notices";
import { paths } from "../shell/paths";

/** A text that the store has, with its version. */
export interface Saved {
  tag: string;
  text: string;
}

interface Draft {
  base: Saved | undefined;
  name: string;
  text: string;
}

/** Saves a draft, and starts a run if that is asked for. `stale` is the current text, if somebody else has saved before. */
export const useSave = ({ base, name, text }: Draft) => {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data, error, isPending, isSuccess, mutate, reset } = useMutation({
    mutationFn: (run: boolean) =>
      base
        ? api.put("/api/v1/exports/{name}", { body: { run, tag: base.tag, text }, path: { name } })
        : api.post("/api/v1/exports", { body: { name, run, text } }),
    onSuccess: async (written) => {
      notify(written.run ? "Saved, and a run was started" : "Saved", written.name);
      await client.invalidateQueries();
      void navigate(written.run ? paths.run(written.name, written.run) : paths.export(written.name));
    },
  });
  const problem = error instanceof ProblemError ? error.problem : undefined;
  const stale = base && typeof problem?.current === "string" ? problem.current : undefined;
  return { data, error, isPending, isSuccess, reset, save: mutate, stale };
};

export type Save = ReturnType<typeof useSave>;
