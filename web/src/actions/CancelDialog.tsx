import { Text } from "@chakra-ui/react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { each } from "./each";
import { named, Names } from "./Names";
import { VERBS } from "./verbs";

/** Stops the runs that are in progress. */
export const CancelDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const running = rows.filter((row) => VERBS.cancel.unfit(row) === "");
  return (
    <ActionDialog
      {...rest}
      act={() =>
        each(
          running.map(({ name, run }) => ({
            act: () => api.post("/api/v1/exports/{name}/runs/{run}/cancel", { body: {}, path: { name, run } }),
            name,
          })),
        )
      }
      danger
      past="cancelled"
      title={`Cancel the job of ${named(running)}?`}
      verb="Cancel job"
    >
      <Text>The run stops, and what it has sent is removed from the destination. The schedule goes on.</Text>
      <Names rows={running} />
    </ActionDialog>
  );
};
