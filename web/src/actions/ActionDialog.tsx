import { Button, Stack, Text } from "@chakra-ui/react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode, SyntheticEvent } from "react";

import type { Done } from "../api/types";
import { useMe } from "../api/useMe";
import { Dialog } from "../shared/Dialog";
import { DoneSummary, summary } from "../shared/DoneSummary";
import { notify } from "../shared/notices";
import { ProblemPanel } from "../shared/ProblemPanel";

export interface ActionProps {
  onClose: () => void;
  /** After it was done to at least one export. */
  onDone?: ((done: Done) => void) | undefined;
}

interface Props extends ActionProps {
  act: () => Promise<Done>;
  children: ReactNode;
  danger?: boolean;
  /** What was done, as in *3 exports started*. */
  past: string;
  /** Whether everything that is needed is filled in. */
  ready?: boolean;
  size?: "lg" | "md" | "sm";
  title: string;
  /** The verb on the button. */
  verb: string;
  /** Whether it changes declarations. */
  writes?: boolean;
}

/** Asks for an action, does it, and shows what happened. It closes by itself if nothing was left out. */
export const ActionDialog = (props: Props) => {
  const { act, children, danger = false, onClose, onDone, past, ready = true, size = "md", title, verb, writes = false } = props;
  const readOnly = useMe()?.edits === "read-only";
  const client = useQueryClient();
  const action = useMutation({
    mutationFn: act,
    onSuccess: async (done) => {
      if (done.skipped.length === 0) {
        notify(summary(done.done.length, 0, past));
        onClose();
      }
      if (done.done.length > 0) onDone?.(done);
      await client.invalidateQueries({ queryKey: ["exports"] });
    },
  });
  if (action.data && action.data.skipped.length > 0) {
    return (
      <Dialog footer={<Button onClick={onClose}>Close</Button>} onClose={onClose} title={title}>
        <DoneSummary done={action.data} verb={past} />
      </Dialog>
    );
  }
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (ready && !action.isPending) action.mutate();
  };
  return (
    <Dialog
      footer={
        <>
          <Button onClick={onClose} variant="outline">Close</Button>
          <Button disabled={!ready} form={FORM} loading={action.isPending} type="submit" {...(danger ? { colorPalette: "danger" } : {})}>
            {verb}
          </Button>
        </>
      }
      onClose={onClose}
      role={danger ? "alertdialog" : "dialog"}
      size={size}
      title={title}
    >
      <form id={FORM} onSubmit={submit}>
        <Stack gap={4}>
          {children}
          {writes && readOnly ? (
            <Text color="fg.muted">Declarations are read-only here: the change comes back as a patch to download.</Text>
          ) : undefined}
          {action.error ? <ProblemPanel error={action.error} /> : undefined}
        </Stack>
      </form>
    </Dialog>
  );
};

/** Only one dialog is open at a time. */
const FORM = "sluice-action";
