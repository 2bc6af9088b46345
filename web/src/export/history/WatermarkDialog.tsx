import { Alert, Checkbox, Field, Stack, Textarea } from "@chakra-ui/react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { plainProblem } from "../../api/problem";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { Icon } from "../../shared/Icon";
import { notify } from "../../shared/notices";

type Value = Record<string, unknown> | null;

interface Props {
  name: string;
  onClose: () => void;
  seen: Value;
}

/** Changes the watermark, after its consequences were accepted. */
export const WatermarkDialog = ({ name, onClose, seen }: Props) => {
  const client = useQueryClient();
  const [text, setText] = useState(seen ? JSON.stringify(seen, undefined, 2) : "");
  const [accepted, setAccepted] = useState(false);
  const value = parsed(text);
  const change = useMutation({
    mutationFn: (next: Value) => api.put("/api/v1/exports/{name}/watermark", { body: { seen, value: next }, path: { name } }),
    onSuccess: async () => {
      notify("The watermark was changed", name);
      onClose();
      await client.invalidateQueries({ queryKey: ["exports"] });
    },
  });
  const stopped = value === undefined ? plainProblem("This is not a JSON object", "Write { ... }, or delete everything to start from the beginning.") : undefined;
  const refused = accepted ? undefined : plainProblem("Tick the box first");
  const [tried, setTried] = useState(false);
  return (
    <ConfirmDialog
      danger
      error={change.error ?? stopped ?? (tried ? refused : undefined)}
      onClose={onClose}
      onConfirm={() => {
        setTried(true);
        if (accepted && value !== undefined) change.mutate(value);
      }}
      pending={change.isPending}
      title={`Set the watermark of ${name}`}
      verb="Set the watermark"
    >
      <Alert.Root status="warning">
        <Icon name="warning" />
        <Alert.Title>Rows may be delivered twice, or never. Nothing checks it afterwards.</Alert.Title>
      </Alert.Root>
      <Field.Root invalid={value === undefined}>
        <Field.Label>Position of each feed, as JSON</Field.Label>
        <Textarea fontFamily="mono" fontSize="xs" onChange={(event) => { setText(event.currentTarget.value); }} rows={8} spellCheck={false} value={text} />
        <Field.HelperText>Empty: the next run delivers everything.</Field.HelperText>
      </Field.Root>
      <Stack>
        <Checkbox.Root checked={accepted} onCheckedChange={({ checked }) => { setAccepted(checked === true); }}>
          <Checkbox.HiddenInput />
          <Checkbox.Control />
          <Checkbox.Label>I understand what happens</Checkbox.Label>
        </Checkbox.Root>
      </Stack>
    </ConfirmDialog>
  );
};

/** The text as an object; null if it is empty, undefined if it is something else. */
const parsed = (text: string): Value | undefined => {
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};
