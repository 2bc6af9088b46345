import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router-dom";

import { api } from "../api/client";
import type { Imported } from "../api/types";
import { some } from "../shared/amount";
import { notify } from "../shared/notices";
import { paths } from "../shell/paths";
import { type Chosen, contents, type Options } from "./files";

/** Names that a notice lists. */
const NAMED = 5;

/** Checks files, and imports them as they were when they were checked. Neither the files nor the requests are kept. */
export const useImport = (chosen: Chosen[], options: Options, onClose: () => void) => {
  const client = useQueryClient();
  const navigate = useNavigate();
  const send = async (write: boolean, tag: string) =>
    api.post("/api/v1/import/workbench", { body: { ...(await contents(chosen)), ...options, tag, write } });
  const check = useMutation({ gcTime: 0, mutationFn: () => send(false, "") });
  const write = useMutation({
    gcTime: 0,
    mutationFn: (tag: string) => send(true, tag),
    onSuccess: async (imported) => {
      notify(`${some(imported.exports.length, "export")} imported`, named(imported.exports));
      await client.invalidateQueries();
      void navigate(whereTo(imported));
      onClose();
    },
  });
  return { check, write };
};

const named = (exports: string[]): string =>
  exports.length > NAMED ? `${exports.slice(0, NAMED).join(", ")} and ${exports.length - NAMED} more` : exports.join(", ");

/** The new export; of several, the list of what their connections deliver. */
const whereTo = ({ connections, exports: [first = "", ...others] }: Imported): string => {
  if (others.length === 0) return paths.export(first);
  const used = new Set(Object.values(connections));
  return used.has("") ? paths.list : `${paths.list}?${new URLSearchParams([...used].map((one) => ["connection", one])).toString()}`;
};
