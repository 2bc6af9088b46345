import { Button, HStack, Switch } from "@chakra-ui/react";

import type { ExportList } from "../api/types";
import { StatusBadge } from "../shared/StatusBadge";
import { KINDS } from "./cells";
import { type Chosen, type Filter, isFiltered } from "./chosen";
import { COLUMN_IDS, COLUMNS, type ColumnId } from "./columns";
import { FilterMenu } from "./FilterMenu";
import { Search } from "./Search";

interface Props {
  choose: (change: Partial<Chosen>, replace?: boolean) => void;
  chooseColumns: (columns: ColumnId[]) => void;
  chosen: Chosen;
  columns: ColumnId[];
  counts: ExportList["counts"];
}

const NOTHING: Partial<Chosen> = { connection: [], kind: [], mine: false, search: "", status: [] };

/** The search, the filters with the number of exports behind each, and the choice of columns. */
export const Filters = ({ choose, chooseColumns, chosen, columns, counts }: Props) => {
  const menu = (field: Filter, title: string) => (
    <FilterMenu
      chosen={chosen[field]}
      onChoose={(values) => {
        choose({ [field]: values });
      }}
      options={optionsOf(field, counts[field] ?? {}, chosen[field])}
      title={title}
    />
  );
  return (
    <HStack flexShrink={0} flexWrap="wrap" gap={2}>
      <Search
        onSearch={(search) => {
          choose({ search }, true);
        }}
        text={chosen.search}
      />
      {menu("status", "Status")}
      {menu("connection", "Connection")}
      {menu("kind", "Kind")}
      <Switch.Root
        checked={chosen.mine}
        onCheckedChange={({ checked }) => {
          choose({ mine: checked });
        }}
      >
        <Switch.HiddenInput />
        <Switch.Control />
        <Switch.Label>Those I may edit</Switch.Label>
      </Switch.Root>
      <FilterMenu
        chosen={columns}
        icon="columns"
        onChoose={(values) => {
          chooseColumns(COLUMN_IDS.filter((id) => values.includes(id) || id === "name"));
        }}
        options={COLUMN_IDS.filter((id) => id !== "name").map((id) => ({ label: COLUMNS[id].title, value: id }))}
        quiet
        title="Columns"
      />
      {isFiltered(chosen) ? (
        <Button
          onClick={() => {
            choose(NOTHING);
          }}
          variant="ghost"
        >
          Clear filters
        </Button>
      ) : undefined}
    </HStack>
  );
};

const optionsOf = (field: Filter, counts: Record<string, number>, chosen: string[]) =>
  [...new Set([...Object.keys(counts), ...chosen])]
    .filter(Boolean)
    .sort()
    .map((value) => ({ count: counts[value] ?? 0, label: labelOf(field, value), value }));

const labelOf = (field: Filter, value: string) => {
  if (field === "status") return <StatusBadge status={value} />;
  return field === "kind" ? (KINDS[value] ?? value) : value;
};
