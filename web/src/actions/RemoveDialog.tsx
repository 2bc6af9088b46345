import { Code, Field, Input, Text } from "@chakra-ui/react";
import { useState } from "react";

import { api } from "../api/client";
import type { ExportRow } from "../api/types";
import { some } from "../shared/amount";
import { ActionDialog, type ActionProps } from "./ActionDialog";
import { named, Names } from "./Names";

/** Removes declarations. What has delivered is only removed after its name was typed. */
export const RemoveDialog = ({ rows, ...rest }: ActionProps & { rows: ExportRow[] }) => {
  const [typed, setTyped] = useState("");
  const word = wordFor(rows);
  return (
    <ActionDialog
      {...rest}
      act={() => api.post("/api/v1/actions/remove", { body: { exports: rows.map(({ name }) => name) } })}
      danger
      past="removed"
      ready={typed.trim() === word}
      title={`Remove ${named(rows)}?`}
      verb="Remove"
      writes
    >
      <Text>The declaration goes. Its deliveries stay.</Text>
      <Names rows={rows} />
      {word ? (
        <Field.Root>
          <Field.Label>
            <span>
              {rows.length === 1 ? "It has delivered" : `${some(rows.filter(hasDelivered).length, "export")} of these delivered`}
              {" before. To confirm, type "}
              <Code>{word}</Code>
            </span>
          </Field.Label>
          <Input
            autoComplete="off"
            onChange={(event) => {
              setTyped(event.target.value);
            }}
            value={typed}
          />
        </Field.Root>
      ) : undefined}
    </ActionDialog>
  );
};

const hasDelivered = (row: ExportRow): boolean => Boolean(row.refreshed);

const wordFor = (rows: ExportRow[]): string => {
  if (!rows.some(hasDelivered)) return "";
  return rows.length === 1 && rows[0] ? rows[0].name : `remove ${rows.length}`;
};
