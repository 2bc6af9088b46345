import { Text } from "@chakra-ui/react";

import { api } from "../api/client";
import { ActionDialog, type ActionProps } from "./ActionDialog";

/** Runs every export whose schedule is active. */
export const RunAllDialog = (props: ActionProps) => (
  <ActionDialog
    {...props}
    act={() => api.post("/api/v1/actions/run-all", { body: {} })}
    past="started"
    title="Run all exports?"
    verb="Run all"
  >
    <Text>
      This starts a run of every export with an active schedule that you may run, whatever the list shows. Exports
      without an active schedule are run one by one.
    </Text>
  </ActionDialog>
);
