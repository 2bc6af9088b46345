import { Field, Input, Text } from "@chakra-ui/react";
import { useState } from "react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { ActionDialog, type ActionProps } from "./ActionDialog";

/** Gives an export another name. */
export const RenameDialog = ({ row, ...rest }: ActionProps & { row: ExportRow }) => {
  const [name, setName] = useState(row.name);
  const rename = async () => {
    const written = await api.post("/api/v1/exports/{name}/rename", { body: { new: name.trim(), tag: "" }, path: { name: row.name } });
    return { diff: written.diff, done: [written.name], runs: {}, skipped: [] };
  };
  return (
    <ActionDialog
      {...rest}
      act={rename}
      past="renamed"
      ready={name.trim() !== "" && name.trim() !== row.name}
      title={`Rename ${row.name}`}
      verb="Rename"
      writes
    >
      <Field.Root required>
        <Field.Label>New name</Field.Label>
        <Input
          autoComplete="off"
          onChange={(event) => {
            setName(event.target.value);
          }}
          value={name}
        />
        <Field.HelperText>Small letters, digits, dashes and underscores. The title is another thing: change it in Edit.</Field.HelperText>
      </Field.Root>
      <Text color="fg.muted">
        The history stays with the old name: the renamed export is new to Airflow, and an incremental one starts with everything.
      </Text>
    </ActionDialog>
  );
};
