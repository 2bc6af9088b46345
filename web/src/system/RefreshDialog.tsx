import { Text } from "@chakra-ui/react";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api } from "../api/client";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { notify } from "../shared/notices";

/** Starts the system refresh. */
export const RefreshDialog = ({ onClose }: { onClose: () => void }) => {
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: () => api.post("/api/v1/system/refresh", { body: {} }),
    onSuccess: async () => {
      notify("The system refresh was started");
      onClose();
      await client.invalidateQueries({ queryKey: ["system"] });
    },
  });
  return (
    <ConfirmDialog
      error={start.error}
      onClose={onClose}
      onConfirm={() => {
        start.mutate();
      }}
      pending={start.isPending}
      title="Start the system refresh"
      verb="Start"
    >
      <Text>It runs every refresh in order, then evaluates every segment. Exports that follow it run after it.</Text>
    </ConfirmDialog>
  );
};
