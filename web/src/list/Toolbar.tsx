import { HStack } from "@chakra-ui/react";
import { useState } from "react";

import { ActionBar } from "../actions/ActionBar";
import { RunAllDialog } from "../actions/RunAllDialog";
import type { Verb } from "../actions/verbs";
import type { ExportRow } from "../api/types";
import { ActionButton } from "../shared/ActionButton";
import { ImportButton } from "../workbench/ImportButton";
import { AddExport } from "./AddExport";

const ENDED: Verb[] = ["remove", "rename", "duplicate"];

interface Props {
  onClear: () => void;
  /** Those that are selected. */
  rows: ExportRow[];
}

/** What can be done: to nothing in particular, and to the selection. */
export const Toolbar = ({ onClear, rows }: Props) => {
  const [all, setAll] = useState(false);
  return (
    <HStack
      aria-label="Actions"
      css={{ "& > *": { flexShrink: 0 } }}
      flexShrink={0}
      flexWrap={{ base: "nowrap", md: "wrap" }}
      gap={2}
      overflowX={{ base: "auto", md: "visible" }}
      pb={{ base: 1, md: 0 }}
      role="group"
    >
      <AddExport />
      <ImportButton />
      <ActionButton
        icon="play"
        onClick={() => {
          setAll(true);
        }}
      >
        Run all
      </ActionButton>
      <ActionBar
        onDone={(_, verb) => {
          if (ENDED.includes(verb)) onClear();
        }}
        rows={rows}
      />
      {all ? (
        <RunAllDialog
          onClose={() => {
            setAll(false);
          }}
        />
      ) : undefined}
    </HStack>
  );
};
