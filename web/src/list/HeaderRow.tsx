import { chakra, HStack } from "@chakra-ui/react";

import { memo } from "react";

import { Icon } from "../shared/Icon";
import type { Chosen } from "./chosen";
import { type Column, COLUMNS, type ColumnId } from "./columns";
import { Tick } from "./Row";
import type { Rows } from "./useRows";
import type { Selection } from "./useSelection";

interface Props {
  choose: (change: Partial<Chosen>) => void;
  chosen: Chosen;
  columns: ColumnId[];
  rows: Rows;
  selection: Selection;
}

/** The titles, which sort, and the box that selects every export that matches. */
export const HeaderRow = memo(function HeaderRow({ choose, chosen, columns, rows, selection }: Props) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col">
          <Tick
            checked={selection.size > 0 && selection.size >= rows.total}
            indeterminate={selection.size > 0 && selection.size < rows.total}
            label={selection.size > 0 ? "Select none" : "Select all that match"}
            onTick={() => {
              if (selection.size > 0) selection.clear();
              else void rows.all().then(selection.add);
            }}
          />
        </th>
        {columns.map((id) => (
          <th
            aria-sort={id === chosen.sort ? (chosen.descending ? "descending" : "ascending") : "none"}
            className={(COLUMNS[id] as Column).numeric ? "number" : undefined}
            key={id}
            scope="col"
          >
            <SortButton
              direction={id === chosen.sort ? (chosen.descending ? "down" : "up") : undefined}
              onClick={() => {
                choose({ descending: id === chosen.sort && !chosen.descending, sort: id });
              }}
              title={COLUMNS[id].title}
            />
          </th>
        ))}
      </tr>
    </thead>
  );
});

interface SortProps {
  direction: "down" | "up" | undefined;
  onClick: () => void;
  title: string;
}

const SortButton = ({ direction, onClick, title }: SortProps) => (
  <chakra.button
    _focusVisible={{ focusRing: "inside" }}
    _hover={{ bg: "bg.emphasized" }}
    alignItems="center"
    cursor="pointer"
    display="flex"
    gap={1}
    h={9}
    onClick={onClick}
    px={2}
    type="button"
    w="full"
    whiteSpace="nowrap"
  >
    {title}
    <HStack color="fg.muted" visibility={direction ? "visible" : "hidden"}>
      <Icon name={direction === "down" ? "chevronDown" : "chevronUp"} size="1em" />
    </HStack>
  </chakra.button>
);
