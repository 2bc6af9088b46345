import { Table } from "@chakra-ui/react";
import type { ReactNode } from "react";

interface Props {
  /** The rows. */
  children: ReactNode;
  heads: (string | { label: string; number: true })[];
  /** For screen readers. */
  label: string;
}

/** A table as Airflow's are. It scrolls sideways where it does not fit. */
export const Sheet = ({ children, heads, label }: Props) => (
  <Table.ScrollArea aria-label={label} role="region" tabIndex={0}>
    <Table.Root aria-label={label} size="sm" striped>
      <Table.Header>
        <Table.Row>
          {heads.map((head) => {
            const text = typeof head === "string" ? head : head.label;
            return (
              <Table.ColumnHeader key={text} textAlign={typeof head === "string" ? "start" : "end"} whiteSpace="nowrap">
                {text}
              </Table.ColumnHeader>
            );
          })}
        </Table.Row>
      </Table.Header>
      <Table.Body>{children}</Table.Body>
    </Table.Root>
  </Table.ScrollArea>
);
