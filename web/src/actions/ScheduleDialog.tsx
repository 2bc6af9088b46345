import { Separator } from "@chakra-ui/react";
import { useState } from "react";

import { api } from "../api/client";
import type { ExportDetail, ExportRow } from "../api/types";
import { useExport } from "../api/useExport";
import { declaredOf, draftOf, isComplete } from "../schedule/draft";
import { NextRuns } from "../schedule/NextRuns";
import { ScheduleForm } from "../schedule/ScheduleForm";
import { Dialog } from "../shared/Dialog";
import { Failed } from "../shared/Failed";
import { Radios } from "../shared/Radios";
import { Toggle } from "../shared/Toggle";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { named, Names } from "./Names";

/** Switches schedules on and off, and sets when exports run. */
export const ScheduleDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const [only] = rows;
  return rows.length === 1 && only ? <One name={only.name} rows={rows} {...rest} /> : <Several rows={rows} {...rest} />;
};

const One = ({ name, ...rest }: ActionProps & { name: string; rows: ExportRow[] }) => {
  const detail = useExport(name);
  // What is known from before may be older than the file: with another version of it, the form starts anew.
  return detail.data ? (
    <Loaded detail={detail.data} key={detail.data.tag} {...rest} />
  ) : (
    <Dialog onClose={rest.onClose} title={`Schedule ${name}`}>
      <Failed query={detail} />
    </Dialog>
  );
};

const Loaded = ({ detail, ...rest }: ActionProps & { detail: ExportDetail; rows: ExportRow[] }) => {
  const declared = detail.values.schedule;
  const [on, setOn] = useState(declared !== "off" && detail.values.enabled !== false);
  const [draft, setDraft] = useState(() => draftOf(declared));
  const schedule = declaredOf(draft);
  return (
    <ActionDialog
      {...rest}
      act={() => save(rest.rows, { enabled: on, keep: !on, schedule: on ? schedule : null })}
      past={on ? "scheduled" : "switched off"}
      ready={!on || isComplete(draft)}
      size="lg"
      title={`Schedule ${detail.row.name}`}
      verb="Save"
      writes
    >
      <Toggle help={on ? "" : "It only runs when somebody starts it. Its schedule is kept."} label="Schedule run" on={on} onChange={setOn} />
      {on ? (
        <>
          <ScheduleForm draft={draft} onChange={setDraft} />
          <Separator />
          {isComplete(draft) ? <NextRuns detail={detail} schedule={schedule} /> : undefined}
        </>
      ) : undefined}
    </ActionDialog>
  );
};

const Several = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const [on, setOn] = useState(true);
  const [how, setHow] = useState<"keep" | "new">("keep");
  const [draft, setDraft] = useState(() => draftOf(undefined));
  const keep = !on || how === "keep";
  return (
    <ActionDialog
      {...rest}
      act={() => save(rows, { enabled: on, keep, schedule: keep ? null : declaredOf(draft) })}
      past={on ? "scheduled" : "switched off"}
      ready={keep || isComplete(draft)}
      size="lg"
      title={`Schedule ${named(rows)}`}
      verb="Save"
      writes
    >
      <Names rows={rows} />
      <Toggle help={on ? "" : "They only run when somebody starts them. Their schedules are kept."} label="Schedule run" on={on} onChange={setOn} />
      {on ? (
        <Radios
          label="Keep or override schedules"
          onChange={setHow}
          options={[
            { help: "Each keeps its schedule; those that are off are switched on.", title: "Keep individual schedules", value: "keep" },
            { help: "It replaces the schedules that they have now.", title: "Define new schedule for all selected exports", value: "new" },
          ]}
          value={how}
        />
      ) : undefined}
      {keep ? undefined : <ScheduleForm draft={draft} onChange={setDraft} />}
    </ActionDialog>
  );
};

const save = (rows: ExportRow[], body: { enabled: boolean; keep: boolean; schedule: unknown }) =>
  api.post("/api/v1/actions/schedule", { body: { ...body, exports: rows.map(({ name }) => name) } });
