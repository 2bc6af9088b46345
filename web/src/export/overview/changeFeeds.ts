import { api } from "../../api/client";
import type { Done, ExportDetail } from "../../api/types";

/** Adds feeds to an export and removes others. A version that someone else has changed meanwhile is refused. */
export const changeFeeds = async (detail: ExportDetail, change: { add: string[]; remove: string[] }): Promise<Done> => {
  const written = await api.post("/api/v1/exports/{name}/feeds", { body: { ...change, tag: detail.tag }, path: { name: detail.row.name } });
  return { diff: written.diff, done: [written.name], runs: {}, skipped: [] };
};
