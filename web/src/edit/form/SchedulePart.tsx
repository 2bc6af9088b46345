import { Stack } from "@chakra-ui/react";
import { useState } from "react";
import { useFormContext } from "react-hook-form";

import { declaredOf, draftOf, isComplete, type ScheduleDraft } from "../../schedule/draft";
import { ScheduleForm } from "../../schedule/ScheduleForm";
import { Toggle } from "../../shared/Toggle";
import type { Values } from "../values";

/** When it runs. The next runs are in the panel at the side. */
export const SchedulePart = () => {
  const { getValues, setValue } = useFormContext<Values>();
  const [on, setOn] = useState(() => getValues("schedule") !== "off" && getValues("enabled") !== false);
  const [draft, setDraft] = useState(() => draftOf(getValues("schedule")));
  const change = (next: ScheduleDraft) => {
    setDraft(next);
    if (isComplete(next)) setValue("schedule", declaredOf(next), { shouldDirty: true });
  };
  const toggle = (next: boolean) => {
    setOn(next);
    setValue("enabled", next ? undefined : false, { shouldDirty: true });
    if (next && getValues("schedule") === "off") setValue("schedule", declaredOf(draft), { shouldDirty: true });
  };
  return (
    <Stack gap={3}>
      <Toggle help={on ? "" : "It runs only when somebody starts it."} label="Schedule" on={on} onChange={toggle} />
      {on ? <ScheduleForm draft={draft} onChange={change} /> : undefined}
    </Stack>
  );
};
