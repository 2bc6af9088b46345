import { Checkbox, Flex, HStack, Input, Text } from "@chakra-ui/react";

import { IconButton } from "../../shared/IconButton";
import { text, type Values } from "../values";

/** A field as declared: a column's name, or a mapping. */
export type Entry = Values | string;

interface Props {
  entry: Entry;
  first: boolean;
  last: boolean;
  /** Undefined removes it. */
  onChange: (entry: Entry | undefined) => void;
  onMove: (by: number) => void;
}

/** One field: where its value comes from, its name in the file, and whether it is hashed or required. */
export const FieldRow = ({ entry, first, last, onChange, onMove }: Props) => {
  const spec: Values = typeof entry === "string" ? { field: entry } : entry;
  const source = sourceOf(spec);
  const named = text(spec[source]) || source;
  const change = (part: Values) => {
    onChange(shortest({ ...spec, ...part }));
  };
  return (
    <Flex align="center" as="li" borderBottomWidth={1} columnGap={3} flexWrap="wrap" py={1.5} rowGap={1}>
      {source === "field" || source === "metric" ? (
        <Text flex="1 1 9rem" fontFamily="mono" fontSize="sm" minW={0} overflowWrap="anywhere">{named}</Text>
      ) : (
        <Input
          aria-label={source === "sql" ? "Expression" : "Constant"}
          flex="1 1 9rem"
          fontFamily={source === "sql" ? "mono" : undefined}
          onChange={(event) => {
            change({ [source]: event.currentTarget.value });
          }}
          placeholder={source === "sql" ? "upper(name)" : "the same in every row"}
          size="xs"
          value={text(spec[source])}
        />
      )}
      <Input
        aria-label={`Name of ${named} in the file`}
        flex="1 1 8rem"
        onChange={(event) => {
          change({ as: event.currentTarget.value });
        }}
        placeholder={source === "field" || source === "metric" ? named : "its name in the file"}
        size="xs"
        value={text(spec.as)}
      />
      <Tick
        label="hash"
        name={named}
        on={spec.hash !== undefined}
        onChange={(on) => {
          change({ hash: on ? "sha256" : undefined });
        }}
      />
      <Tick
        label="required"
        name={named}
        on={spec.required === true}
        onChange={(on) => {
          change({ required: on ? true : undefined });
        }}
      />
      {spec.mask === undefined ? undefined : <Text color="fg.muted" fontSize="xs">masked</Text>}
      <HStack gap={0}>
        <IconButton
          disabled={first}
          icon="chevronUp"
          label={`Move ${named} up`}
          onClick={() => {
            onMove(-1);
          }}
          size="2xs"
        />
        <IconButton
          disabled={last}
          icon="chevronDown"
          label={`Move ${named} down`}
          onClick={() => {
            onMove(1);
          }}
          size="2xs"
        />
        <IconButton
          icon="close"
          label={`Remove ${named}`}
          onClick={() => {
            onChange(undefined);
          }}
          size="2xs"
        />
      </HStack>
    </Flex>
  );
};

const sourceOf = (spec: Values) => sources.find((source) => source in spec) ?? "field";

const sources = ["sql", "metric", "value"] as const;

/** A column with nothing else is its name alone. */
const shortest = (spec: Values): Entry => {
  const kept = Object.fromEntries(Object.entries(spec).filter(([key, value]) => value !== undefined && !(key === "as" && value === "")));
  const keys = Object.keys(kept);
  return keys.length === 1 && keys[0] === "field" ? text(kept.field) : kept;
};

const Tick = ({ label, name, on, onChange }: { label: string; name: string; on: boolean; onChange: (on: boolean) => void }) => (
  <Checkbox.Root
    checked={on}
    colorPalette="brand"
    onCheckedChange={({ checked }) => {
      onChange(checked === true);
    }}
    size="sm"
  >
    <Checkbox.HiddenInput aria-label={`${label}: ${name}`} />
    <Checkbox.Control />
    <Checkbox.Label fontWeight="normal">{label}</Checkbox.Label>
  </Checkbox.Root>
);
