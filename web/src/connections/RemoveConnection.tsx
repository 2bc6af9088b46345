import { Link, Text } from "@chakra-ui/react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link as RouterLink } from "react-router-dom";

import { api } from "../api/client";
import type { ConnectionView } from "../api/types";
import { some } from "../shared/amount";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { notify } from "../shared/notices";
import { paths } from "../shell/paths";

/** Removes a connection that no export uses. */
export const RemoveConnection = ({ connection, onClose }: { connection: ConnectionView; onClose: () => void }) => {
  const { exports, name, tag } = connection;
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.post("/api/v1/connections/{name}/remove", { body: { tag }, path: { name } }),
    onSuccess: async () => {
      notify(`Connection ${name} removed`);
      onClose();
      await client.invalidateQueries({ queryKey: ["connections"] });
    },
  });
  return (
    <ConfirmDialog
      danger
      error={remove.error}
      onClose={onClose}
      onConfirm={() => {
        remove.mutate();
      }}
      pending={remove.isPending}
      title={`Remove connection ${name}?`}
      verb="Remove"
    >
      <Text>The declaration goes. The Airflow connection with its secrets stays, and so do the deliveries.</Text>
      {exports > 0 ? (
        <Text>
          It is used by{" "}
          <Link asChild color="fg.info">
            <RouterLink to={`${paths.list}?connection=${encodeURIComponent(name)}`}>{some(exports, "export")}</RouterLink>
          </Link>
          . Give them another connection, or detach it, first.
        </Text>
      ) : undefined}
    </ConfirmDialog>
  );
};
