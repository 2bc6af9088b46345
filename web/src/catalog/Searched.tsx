import { Input, Stack, Text } from "@chakra-ui/react";
import { type ReactNode, useState } from "react";

import { count } from "../shared/amount";

interface Props<T> {
  children: (found: T[]) => ReactNode;
  label: string;
  rows: T[];
  textOf: (row: T) => string;
}

const MOST = 500;

/** Rows that match a search. Only the first are drawn. */
export const Searched = <T,>({ children, label, rows, textOf }: Props<T>) => {
  const [search, setSearch] = useState("");
  const found = rows.filter((row) => textOf(row).toLowerCase().includes(search.toLowerCase()));
  return (
    <Stack gap={3}>
      <Input
        aria-label={label}
        maxW="24rem"
        onChange={(event) => {
          setSearch(event.currentTarget.value);
        }}
        placeholder={label}
        size="sm"
        value={search}
      />
      {children(found.slice(0, MOST))}
      <Text aria-live="polite" color="fg.muted" fontSize="sm">
        {found.length > MOST ? `The first ${MOST} of ${count(found.length)}: search for others.` : found.length === 0 ? "Nothing matches." : ""}
      </Text>
    </Stack>
  );
};
