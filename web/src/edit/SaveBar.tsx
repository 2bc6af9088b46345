import { Button, HStack } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import { useMe } from "../api/useMe";
import type { Checked } from "../api/types";
import { some } from "../shared/amount";
import { ActionButton } from "../shared/ActionButton";
import { wrongName } from "./NameField";
import type { Save } from "./useSave";

interface Props {
  back: string;
  changed: boolean;
  checked: Checked | undefined;
  name: string;
  save: Save;
  /** Whether the text lacks something that the form already has. */
  writing: boolean;
}

/** Save, save and run, and cancel. A button that cannot be used says why. */
export const SaveBar = ({ back, changed, checked, name, save, writing }: Props) => {
  const readOnly = useMe()?.edits === "read-only";
  const whyNot = writing ? "The text is being written" : reason(changed, checked, name);
  return (
    <HStack flexWrap="wrap">
      <Button asChild size="sm" variant="ghost"><Link to={back}>Cancel</Link></Button>
      {readOnly ? undefined : (
        <ActionButton
          icon="play"
          loading={save.isPending}
          onClick={() => {
            save.save(true);
          }}
          size="sm"
          whyNot={whyNot}
        >
          Save and run
        </ActionButton>
      )}
      <ActionButton
        colorPalette="brand"
        loading={save.isPending}
        onClick={() => {
          save.save(false);
        }}
        size="sm"
        variant="solid"
        whyNot={whyNot}
      >
        {readOnly ? "Make a patch" : "Save"}
      </ActionButton>
    </HStack>
  );
};

const reason = (changed: boolean, checked: Checked | undefined, name: string): string => {
  if (wrongName(name)) return wrongName(name);
  if (!changed) return "Nothing has changed";
  if (!checked) return "The draft is being checked";
  if (checked.errors.length > 0) return `${some(checked.errors.length, "error")} to correct first`;
  return checked.may_save ? "" : "You may not save this: its connection is not shared with you";
};
