import { Field, Input, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useNavigate } from "react-router-dom";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { paths } from "../shell/paths";
import { ActionDialog, type ActionProps } from "./ActionDialog";

/** Copies an export under another name, and opens the copy. */
export const DuplicateDialog = ({ onDone, row, ...rest }: ActionProps & { row: ExportRow }) => {
  const [name, setName] = useState(`${row.name}_copy`);
  const navigate = useNavigate();
  const copy = async () => {
    const written = await api.post("/api/v1/exports/{name}/duplicate", {
      body: { new: name.trim(), tag: "" },
      path: { name: row.name },
    });
    return { diff: written.diff, done: [written.name], runs: {}, skipped: [] };
  };
  return (
    <ActionDialog
      {...rest}
      act={copy}
      onDone={(done) => {
        onDone?.(done);
        void navigate(paths.export(done.done[0] ?? name));
      }}
      past="created"
      ready={name.trim() !== "" && name.trim() !== row.name}
      title={`Duplicate ${row.name}`}
      verb="Duplicate"
      writes
    >
      <Field.Root required>
        <Field.Label>Name of the copy</Field.Label>
        <Input
          autoComplete="off"
          onChange={(event) => {
            setName(event.target.value);
          }}
          value={name}
        />
        <Field.HelperText>Small letters, digits, dashes and underscores.</Field.HelperText>
      </Field.Root>
      <Text color="fg.muted">The copy has the same connection, and its schedule is switched off.</Text>
    </ActionDialog>
  );
};
