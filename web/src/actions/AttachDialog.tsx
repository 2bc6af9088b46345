import { useState } from "react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { ChooseConnection } from "./ChooseConnection";
import { named, Names } from "./Names";

/** Gives exports a connection, or another one. */
export const AttachDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const [connection, setConnection] = useState("");
  return (
    <ActionDialog
      {...rest}
      act={() => api.post("/api/v1/actions/attach", { body: { connection, exports: rows.map(({ name }) => name) } })}
      past="attached"
      ready={connection !== ""}
      title={`Attach a connection to ${named(rows)}`}
      verb="Attach"
      writes
    >
      <ChooseConnection onChange={setConnection} value={connection} />
      <Names rows={rows} />
    </ActionDialog>
  );
};
