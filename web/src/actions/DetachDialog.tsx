import { Text } from "@chakra-ui/react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { named, Names } from "./Names";

/** Takes the connection away. */
export const DetachDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => (
  <ActionDialog
    {...rest}
    act={() => api.post("/api/v1/actions/detach", { body: { exports: rows.map(({ name }) => name) } })}
    past="detached"
    title={`Detach the connection of ${named(rows)}?`}
    verb="Detach"
    writes
  >
    <Text>
      Detaching does not remove the connection. The export is kept and does not run until another is chosen.
    </Text>
    <Names rows={rows} />
  </ActionDialog>
);
