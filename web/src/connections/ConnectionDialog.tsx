import { Button, Field, Stack, Text, Textarea } from "@chakra-ui/react";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../api/client";
import type { ConnectionView } from "../api/types";
import { Dialog } from "../shared/Dialog";
import { DiffLines } from "../shared/DiffLines";
import { Failed } from "../shared/Failed";
import { notify } from "../shared/notices";
import { ProblemPanel } from "../shared/ProblemPanel";
import { TextField } from "../shared/TextField";
import { Toggle } from "../shared/Toggle";
import { useSettled } from "../shared/useSettled";
import { ConnectionForm, type Values } from "./ConnectionForm";
import { useDestinations } from "./useDestinations";

interface Props {
  /** The one to change; nothing to add one. */
  connection?: ConnectionView;
  onClose: () => void;
}

/** Adds or changes a connection, by a form or as YAML. It shows what will be written, and what is wrong with it. */
export const ConnectionDialog = ({ connection, onClose }: Props) => {
  const saved = connection?.text ?? "";
  const [name, setName] = useState(connection?.name ?? "");
  const [values, setValues] = useState<Values>(connection?.values ?? {});
  const [yaml, setYaml] = useState<string>();
  const destinations = useDestinations();
  const draft = useDraft(name, values, yaml, saved);
  const save = useSave(name.trim(), connection, onClose);
  const [error] = draft.data?.errors ?? [];
  return (
    <Dialog
      footer={
        <>
          <Button onClick={onClose} variant="outline">Close</Button>
          <Button
            disabled={name.trim() === "" || !draft.data || draft.isPlaceholderData || Boolean(error)}
            loading={save.isPending}
            onClick={() => {
              if (draft.data) save.mutate(draft.data.text);
            }}
          >
            Save
          </Button>
        </>
      }
      onClose={onClose}
      size="xl"
      title={connection ? `Edit connection ${connection.name}` : "Add connection"}
    >
      <Stack gap={4}>
        {connection ? undefined : (
          <TextField help="The name of its file: small letters, digits, dashes and underscores." label="Name" onChange={setName} required value={name} />
        )}
        <Toggle
          label="Edit as YAML"
          on={yaml !== undefined}
          onChange={(on) => {
            if (!on && draft.data) setValues(draft.data.values);
            setYaml(on ? (draft.data?.text ?? saved) : undefined);
          }}
        />
        {yaml === undefined ? (
          destinations.data ? (
            <ConnectionForm destinations={destinations.data} onChange={setValues} values={values} />
          ) : (
            <Failed query={destinations} />
          )
        ) : (
          <Field.Root>
            <Field.Label>YAML</Field.Label>
            <Textarea
              fontFamily="mono"
              onChange={(event) => {
                setYaml(event.target.value);
              }}
              rows={14}
              spellCheck={false}
              value={yaml}
            />
          </Field.Root>
        )}
        {name.trim() && (yaml !== undefined || values.type) ? <Result draft={draft} /> : undefined}
        {save.error ? <ProblemPanel error={save.error} /> : undefined}
      </Stack>
    </Dialog>
  );
};

const Result = ({ draft }: { draft: ReturnType<typeof useDraft> }) => {
  if (!draft.data) return <Failed query={draft} what="Checking" />;
  const { diff, errors, warnings } = draft.data;
  return (
    <Stack aria-live="polite" gap={2}>
      {errors.map((error) => <ProblemPanel error={error} key={error.page} />)}
      {warnings.map((warning) => <ProblemPanel error={warning} key={warning.page} tone="warning" />)}
      <Text fontWeight="semibold">What will be written</Text>
      <DiffLines diff={diff} label="The change" />
    </Stack>
  );
};

/** The text that the form makes, or the one that was typed, checked with the whole project. */
const useDraft = (name: string, values: Values, yaml: string | undefined, saved: string) => {
  const asked = useSettled(JSON.stringify([name.trim(), cleaned(values), yaml ?? null]));
  return useQuery({
    enabled: name.trim() !== "" && (yaml !== undefined || Boolean(values.type)),
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const [of, wanted, typed] = JSON.parse(asked) as [string, Values, string | null];
      const text =
        typed ?? (await api.post("/api/v1/drafts/text", { body: { family: "connection", text: saved, values: wanted }, signal })).text;
      const checked = await api.post("/api/v1/drafts/check", { body: { family: "connection", name: of, new: saved === "", text }, signal });
      return { ...checked, text };
    },
    queryKey: ["drafts", "connection", asked, saved],
  });
};

/** Lists without the empty entries that typing leaves. */
const cleaned = (values: Values): Values =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      Array.isArray(value) ? (value as unknown[]).map((one) => (typeof one === "string" ? one.trim() : one)).filter((one) => one !== "") : value,
    ]),
  );

const useSave = (name: string, connection: ConnectionView | undefined, onClose: () => void) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (text: string) =>
      connection
        ? api.put("/api/v1/connections/{name}", { body: { run: false, tag: connection.tag, text }, path: { name } })
        : api.post("/api/v1/connections", { body: { name, run: false, text } }),
    onSuccess: async () => {
      notify(`Connection ${name} saved`);
      onClose();
      await client.invalidateQueries();
    },
  });
};
