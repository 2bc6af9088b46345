/** A declaration as a value: what YAML holds, and what the form edits. */
export type Values = Record<string, unknown>;

export const KINDS = {
  "data-out-export": { feeds: "entities", says: "Whole entities with their schema", title: "Data out" },
  "dataset-export": { feeds: "datasets", says: "Any number of datasets on one schedule", title: "Datasets" },
  "segment-export": { feeds: "segments", says: "The members of segments, with the fields that the target needs", title: "Segments" },
} as const;

export type Kind = keyof typeof KINDS;

export const kindOf = (values: Values): Kind => {
  const { kind } = values;
  return typeof kind === "string" && kind in KINDS ? (kind as Kind) : "segment-export";
};

/** The keys in the order in which people read them. Others follow. */
const ORDER = [
  "kind", "title", "description", "connection", "segments", "entities", "datasets", "fields", "mode", "over_limit", "format", "chunks", "folder", "file",
  "schedule", "enabled", "owner",
];

/** The keys that only exports of segments have. */
const OF_SEGMENTS = ["fields", "over_limit"];

/** What is declared: without what the form left empty, and without the feeds of other kinds. */
export const declared = (values: Values): Values => {
  const kind = kindOf(values);
  const foreign = Object.values(KINDS).map(({ feeds }): string => feeds).filter((key) => key !== KINDS[kind].feeds);
  const kept = Object.entries(values).filter(([key]) => !foreign.includes(key) && !(OF_SEGMENTS.includes(key) && kind !== "segment-export"));
  const full = kept.map(([key, value]) => [key, pruned(value)] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(full.toSorted(([a], [b]) => place(a) - place(b)));
};

const place = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length);

/** Without empty texts, lists and mappings, and without numbers that are none. */
const pruned = (value: unknown): unknown => {
  if (value === "" || value === null || value === undefined || Number.isNaN(value)) return undefined;
  if (Array.isArray(value)) return value.length > 0 ? value : undefined;
  if (typeof value !== "object") return value;
  const kept = Object.entries(value).map(([key, one]) => [key, keepsEmpty(key) && one === "" ? one : pruned(one)] as const);
  const full = kept.filter(([, one]) => one !== undefined);
  return full.length > 0 ? Object.fromEntries(full) : undefined;
};

/** An empty `null` token is a choice of its own. */
const keepsEmpty = (key: string): boolean => key === "null";

export const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
export const mapping = (value: unknown): Values =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
export const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
