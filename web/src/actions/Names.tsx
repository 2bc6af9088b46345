import { List, Text } from "@chakra-ui/react";

import type { ExportRow } from "../api/types";
import { some } from "../shared/amount";

const MOST = 8;

/** The exports that an action is about to change. */
export const Names = ({ rows }: { rows: ExportRow[] }) =>
  rows.length === 1 ? undefined : (
    <List.Root color="fg.muted" fontSize="sm" variant="plain">
      {rows.slice(0, MOST).map((row) => (
        <List.Item key={row.name}>{row.name}</List.Item>
      ))}
      {rows.length > MOST ? <Text as="li">and {some(rows.length - MOST, "other")}</Text> : undefined}
    </List.Root>
  );

/** `orders`, or `3 exports`. */
export const named = (rows: ExportRow[]): string => (rows.length === 1 && rows[0] ? rows[0].name : some(rows.length, "export"));
