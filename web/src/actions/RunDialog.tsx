import { Text } from "@chakra-ui/react";
import { useState } from "react";

import { api } from "../api/client";
import type { Done, ExportRow } from "../api/types";
import { useExport } from "../api/useExport";
import { Radios } from "../shared/Radios";
import { Ticks } from "../shared/Ticks";
import { Toggle } from "../shared/Toggle";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { Backfill, type Window } from "./Backfill";
import { named, Names } from "./Names";

type What = "as declared" | "full" | "window";

/** The key under which an export of each kind names its feeds. */
const FEEDS: Partial<Record<string, "datasets" | "entities" | "segments">> = {
  "data-out-export": "entities",
  "dataset-export": "datasets",
  "segment-export": "segments",
};

/** Starts runs, with the choices that apply. */
export const RunDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const only = rows.length === 1 ? rows[0] : undefined;
  const values = useExport(only?.name ?? "").data?.values ?? {};
  const [what, setWhat] = useState<What>("as declared");
  const [dry, setDry] = useState(false);
  const [again, setAgain] = useState(false);
  const [feeds, setFeeds] = useState<string[]>([]);
  const [window, setWindow] = useState<Window>({ after: "", by: "", until: "", wake: false });
  const key = FEEDS[only?.kind ?? ""];
  const names = key && Array.isArray(values[key]) ? (values[key] as unknown[]).filter((one) => typeof one === "string") : [];
  const mode = modeOf(only, values);
  const conf = {
    ...(what === "full" ? { mode: "full" } : {}),
    ...(again ? { again: true } : {}),
    ...(dry ? { dry_run: true } : {}),
    ...(key && feeds.length > 0 && feeds.length < names.length ? { [key]: feeds } : {}),
  };
  const backfill = what === "window" && only;
  return (
    <ActionDialog
      {...rest}
      act={() =>
        backfill
          ? deliverAgain(only.name, window)
          : api.post("/api/v1/actions/run", { body: { conf, exports: rows.map(({ name }) => name) } })
      }
      past="started"
      ready={what !== "window" || (window.after !== "" && window.until !== "")}
      size="lg"
      title={`Run ${named(rows)}`}
      verb={dry && !backfill ? "Run, and send nothing" : "Run"}
    >
      <Names rows={rows} />
      {mode === "full" ? undefined : (
        <Radios label="What to deliver" onChange={setWhat} options={OPTIONS[mode]} value={what} />
      )}
      {backfill ? <Backfill onChange={setWindow} window={window} /> : undefined}
      {!backfill && names.length > 1 ? (
        <Ticks help="None ticked: all." label={`Only these ${key ?? ""}`} onChange={setFeeds} options={names} values={feeds} />
      ) : undefined}
      {backfill ? undefined : (
        <Toggle help="Check, select and count the rows; send nothing." label="Dry run" on={dry} onChange={setDry} />
      )}
      {!backfill && rows.some(({ scheduled }) => scheduled === "done") ? (
        <Toggle
          help={rows.length > 1 ? "Some run once and have delivered. Without this, their runs are skipped." : "It runs once and has delivered. Without this, the run is skipped."}
          label="Deliver again"
          on={again}
          onChange={setAgain}
        />
      ) : undefined}
      {only?.status === "processing" || only?.status === "queued" ? (
        <Text color="fg.muted">A run is in progress. This one starts after it.</Text>
      ) : undefined}
    </ActionDialog>
  );
};

const DECLARED = { title: "As the schedule does", value: "as declared" } as const;
const FULL = { help: "All rows. The next run continues from there.", title: "Everything", value: "full" } as const;
const WINDOW = { help: "What was added between two times.", title: "A window of time, again", value: "window" } as const;
const OPTIONS = {
  changes: [{ ...DECLARED, help: "Rows added, changed and removed since the last delivery." }, FULL],
  incremental: [{ ...DECLARED, help: "Rows added since the last delivery." }, FULL, WINDOW],
  several: [{ ...DECLARED, help: "Each in the mode that it declares." }, FULL],
};

const modeOf = (only: ExportRow | undefined, values: Record<string, unknown>) => {
  if (!only) return "several";
  const { mode } = values;
  if (mode === "incremental" || mode === "changes") return mode;
  return mode === undefined && only.kind === "dataset-export" ? "incremental" : "full";
};

const deliverAgain = async (name: string, { after, by, until, wake }: Window): Promise<Done> => {
  await api.post("/api/v1/exports/{name}/backfill", {
    body: { after: instant(after), by, dry_run: false, until: instant(until), wake_downstream: wake },
    path: { name },
  });
  return { diff: "", done: [name], runs: {}, skipped: [] };
};

/** A local time of the browser's field, in UTC. */
const instant = (text: string): string => new Date(text).toISOString();
