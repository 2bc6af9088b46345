import type { ExportDetail, FeedView } from "../../api/types";

const MOST_NAMED = 4;

/** What an export does, as a sentence. */
export const inWords = (detail: ExportDetail): string => {
  const { row, values } = detail;
  if (row.kind === "") return "The declaration does not load, so it is not known what this export does.";
  const where = row.connection ? `to ${row.connection_title || row.connection}` : "but has no connection to deliver to";
  return `Delivers ${what(row.kind, detail.feeds, values)} ${where}${formatOf(values)}${modeOf(values)}. ${whenOf(detail)}`;
};

const what = (kind: string, feeds: FeedView[], values: Record<string, unknown>): string => {
  const names = feeds.length > 0 ? feeds.map((feed) => feed.segment || feed.dataset) : declaredNames(values);
  const listed = `${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ""}`;
  if (kind === "segment-export") return `the members of ${plural(names.length, "segment")} (${listed})`;
  if (kind === "data-out-export") return `${plural(names.length, "whole entity", "whole entities")} with their schema (${listed})`;
  return `${plural(names.length, "dataset")} (${listed})`;
};

const declaredNames = (values: Record<string, unknown>): string[] =>
  ["segments", "entities", "datasets"].flatMap((key) => (Array.isArray(values[key]) ? values[key].map(String) : []));

const plural = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

const formatOf = ({ format }: Record<string, unknown>): string => {
  if (typeof format !== "object" || format === null || !("type" in format)) return "";
  const words: Record<string, string> = { csv: "delimited text", json: "NDJSON", parquet: "Parquet", template: "text by a template" };
  return ` as ${words[String(format.type)] ?? String(format.type)}`;
};

const modeOf = ({ kind, mode }: Record<string, unknown>): string => {
  const chosen = typeof mode === "string" ? mode : kind === "dataset-export" ? "incremental" : "full";
  const words: Record<string, string> = {
    changes: ", each time what was added, changed and removed since the last delivery",
    full: ", all of it each time",
    incremental: ", each time what was added since the last delivery",
  };
  return words[chosen] ?? "";
};

const whenOf = ({ row }: ExportDetail): string => {
  if (row.scheduled === "by hand") return "It runs only when somebody starts it.";
  const base = `Its schedule is: ${row.schedule}`;
  if (row.scheduled === "off") return `${base}, which is switched off.`;
  if (row.scheduled === "paused") return `${base}, but its DAG is paused in Airflow.`;
  if (row.scheduled === "done") return `${base}, and it has delivered.`;
  if (row.scheduled === "ended") return `${base}, which has ended.`;
  return `${base}.`;
};
