import type { ExportRow } from "../api/types";
import type { IconName } from "../shared/Icon";
import { whyViewOnly } from "./whyViewOnly";

/** What can be done to exports of a selection. */
export type Verb = "attach" | "cancel" | "detach" | "duplicate" | "release" | "remove" | "rename" | "run" | "schedule";

interface Button {
  icon: IconName;
  title: string;
  /** Why it does nothing for an export that the user may edit; empty if it does something. */
  unfit: (row: ExportRow) => string;
}

const isBroken = (row: ExportRow) => (row.status === "broken" ? "Its declaration does not load: correct it first." : "");
const isDetached = (row: ExportRow) => (row.connection ? "" : "It has no connection: attach one first.");
const isRunning = (row: ExportRow) => row.status === "processing" || row.status === "queued";

export const VERBS: Record<Verb, Button> = {
  run: { icon: "play", title: "Run", unfit: (row) => isBroken(row) || isDetached(row) },
  schedule: { icon: "calendar", title: "Schedule", unfit: isBroken },
  duplicate: { icon: "copy", title: "Duplicate", unfit: isBroken },
  rename: { icon: "edit", title: "Rename", unfit: isBroken },
  detach: { icon: "unplug", title: "Detach", unfit: (row) => isBroken(row) || (row.connection ? "" : "It has no connection.") },
  attach: { icon: "attach", title: "Attach", unfit: isBroken },
  cancel: { icon: "stop", title: "Cancel job", unfit: (row) => (isRunning(row) ? "" : "No run is in progress.") },
  release: { icon: "hand", title: "Release", unfit: (row) => (row.status === "held" ? "" : "Its last run is not held.") },
  remove: { icon: "remove", title: "Remove", unfit: () => "" },
};

export const ALL_VERBS = Object.keys(VERBS) as Verb[];

const FOR_ONE: Verb[] = ["duplicate", "rename"];

/** Why a verb would do nothing for all of these exports; empty if it does something for at least one. */
export const whyNot = (verb: Verb, rows: ExportRow[], administrator: boolean): string => {
  if (rows.length === 0) return "Select one or more exports first.";
  if (FOR_ONE.includes(verb) && rows.length > 1) return `Select only one export to ${verb} it.`;
  const reasons = rows.map((row) => whyNotOne(verb, row, administrator));
  if (reasons.includes("")) return "";
  const different = new Set(reasons);
  return different.size === 1 ? (reasons[0] ?? "") : `This does nothing for any of the ${rows.length} selected exports.`;
};

const whyNotOne = (verb: Verb, row: ExportRow, administrator: boolean): string => {
  if (row.may !== "edit") return whyViewOnly(row);
  const unfit = VERBS[verb].unfit(row);
  if (unfit || administrator || row.connection || verb === "attach") return unfit;
  return "It has no connection, so only administrators may do this: attach one first.";
};
