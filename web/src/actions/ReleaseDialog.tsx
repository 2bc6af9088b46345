import { Box, Text } from "@chakra-ui/react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { each } from "./each";
import { named } from "./Names";

/** Delivers although the counts are not as expected. */
export const ReleaseDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const held = rows.filter(({ status }) => status === "held");
  return (
    <ActionDialog
      {...rest}
      act={() =>
        each(
          held.map(({ name, run }) => ({
            act: () => api.post("/api/v1/exports/{name}/runs/{run}/release", { body: {}, path: { name, run } }),
            name,
          })),
        )
      }
      past="released"
      title={`Release ${named(held)}?`}
      verb="Release and deliver"
    >
      <Text>The run was held because its number of records is not as declared. Check first that the number is right.</Text>
      {held.slice(0, 10).map(({ name, why }) => (
        <Box key={name}>
          <Text fontWeight="semibold">{name}</Text>
          <Text color="fg.muted" whiteSpace="pre-line">{why}</Text>
        </Box>
      ))}
    </ActionDialog>
  );
};
