import { HStack } from "@chakra-ui/react";
import { useState } from "react";

import type { Done, ExportRow } from "../api/types";
import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { Actions } from "./Actions";
import { ALL_VERBS, type Verb, VERBS, whyNot } from "./verbs";

interface Props {
  onDone?: (done: Done, verb: Verb) => void;
  rows: ExportRow[];
  /** Those to offer. */
  verbs?: Verb[];
}

/** A button for each action, which says why it does nothing for these exports. */
export const ActionBar = ({ onDone, rows, verbs = ALL_VERBS }: Props) => {
  const administrator = useMe()?.administrator ?? false;
  const [open, setOpen] = useState<{ rows: ExportRow[]; verb: Verb }>();
  return (
    <HStack display="contents">
      {verbs.map((verb) => (
        <ActionButton
          icon={VERBS[verb].icon}
          key={verb}
          onClick={() => {
            setOpen({ rows, verb });
          }}
          whyNot={whyNot(verb, rows, administrator)}
        >
          {VERBS[verb].title}
        </ActionButton>
      ))}
      {open ? (
        <Actions
          onClose={() => {
            setOpen(undefined);
          }}
          onDone={(done) => {
            onDone?.(done, open.verb);
          }}
          rows={open.rows}
          verb={open.verb}
        />
      ) : undefined}
    </HStack>
  );
};
