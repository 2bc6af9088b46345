import { Button, Fieldset, HStack, Menu, Portal, Stack, Text } from "@chakra-ui/react";

import { Icon } from "../../shared/Icon";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { mapping, text, texts } from "../values";
import { useChosenConnection } from "./ConnectionPart";
import { type Entry, FieldRow } from "./FieldRow";
import { useColumns, useSegments } from "./useCatalog";
import { useValue } from "./useValue";

/** The delivered fields of a segment export: columns, constants and expressions; renamed, hashed, required. */
export const FieldsPart = () => {
  const [value, change] = useValue("fields");
  const [segments] = useValue("segments");
  const entries = (Array.isArray(value) ? value : []) as Entry[];
  const chosen = texts(segments);
  const dataset = useSegments(useChosenConnection()?.name).data?.find(({ name }) => name === chosen[0])?.delivers ?? "";
  const columns = useColumns(dataset);
  const used = new Set(entries.map((entry) => (typeof entry === "string" ? entry : text(entry.field))));
  const free = (columns.data?.columns ?? []).filter(({ name }) => !used.has(name));
  const replace = (index: number, entry: Entry | undefined) => {
    change(entries.flatMap((one, at) => (at === index ? (entry === undefined ? [] : [entry]) : [one])));
  };
  const move = (index: number, by: number) => {
    const next = [...entries];
    const [moved] = next.splice(index, 1);
    if (moved !== undefined) next.splice(index + by, 0, moved);
    change(next);
  };
  return (
    <Fieldset.Root>
      <Fieldset.Legend fontSize="sm" fontWeight="medium">Fields ({entries.length})</Fieldset.Legend>
      {entries.length === 0 ? <Text color="fg.muted" fontSize="sm">Choose the fields that the target needs, in the order of its columns.</Text> : undefined}
      <Stack as="ol" gap={0} listStyleType="none">
        {entries.map((entry, index) => (
          <FieldRow
            entry={entry}
            first={index === 0}
            key={keyOf(entries, index)}
            last={index === entries.length - 1}
            onChange={(next) => {
              replace(index, next);
            }}
            onMove={(by) => {
              move(index, by);
            }}
          />
        ))}
      </Stack>
      {columns.error ? <ProblemPanel error={columns.error} onRetry={() => void columns.refetch()} /> : undefined}
      <HStack flexWrap="wrap">
        <AddColumn
          columns={free}
          onAdd={(names) => {
            change([...entries, ...names]);
          }}
          why={dataset ? (columns.isPending ? "Reading the columns" : "Every column is used") : "Choose a segment first"}
        />
        <Button
          onClick={() => {
            change([...entries, { as: "", value: "" }]);
          }}
          size="xs"
          variant="outline"
        >
          Add a constant
        </Button>
        <Button
          onClick={() => {
            change([...entries, { as: "", sql: "" }]);
          }}
          size="xs"
          variant="outline"
        >
          Add an expression
        </Button>
      </HStack>
    </Fieldset.Root>
  );
};

/** A column keeps its key when the list is reordered; others have their place. */
const keyOf = (entries: Entry[], index: number): string => {
  const entry = entries[index];
  const column = typeof entry === "string" ? entry : mapping(entry).field;
  return typeof column === "string" && column ? `${column} ${entries.slice(0, index).filter((one) => one === entry).length}` : `#${index}`;
};

interface AddProps {
  columns: { name: string; type?: string }[];
  onAdd: (names: string[]) => void;
  why: string;
}

const AddColumn = ({ columns, onAdd, why }: AddProps) =>
  columns.length === 0 ? (
    <Text color="fg.muted" fontSize="sm">{why}.</Text>
  ) : (
    <>
      <Menu.Root>
        <Menu.Trigger asChild>
          <Button size="xs" variant="outline"><Icon name="add" />Add a column</Button>
        </Menu.Trigger>
        <Portal>
          <Menu.Positioner>
            <Menu.Content maxH="20rem">
              {columns.map(({ name, type }) => (
                <Menu.Item
                  key={name}
                  onSelect={() => {
                    onAdd([name]);
                  }}
                  value={name}
                >
                  {name} <Text as="span" color="fg.muted" fontSize="xs">{type}</Text>
                </Menu.Item>
              ))}
            </Menu.Content>
          </Menu.Positioner>
        </Portal>
      </Menu.Root>
      <Button
        onClick={() => {
          onAdd(columns.map(({ name }) => name));
        }}
        size="xs"
        variant="outline"
      >
        Add all {columns.length}
      </Button>
    </>
  );
