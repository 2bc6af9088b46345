import { Button, Stack } from "@chakra-ui/react";
import type { ReactNode } from "react";

import { Dialog } from "./Dialog";
import { ProblemPanel } from "./ProblemPanel";

interface Props {
  children: ReactNode;
  /** Red, because it cannot be taken back. */
  danger?: boolean;
  error?: unknown;
  onClose: () => void;
  onConfirm: () => void;
  pending?: boolean;
  title: string;
  /** The verb on the button. */
  verb: string;
}

/** Asks before something is done, and shows why it failed. */
export const ConfirmDialog = ({ children, danger = false, error, onClose, onConfirm, pending = false, title, verb }: Props) => (
  <Dialog
    footer={
      <>
        <Button onClick={onClose} variant="outline">Cancel</Button>
        <Button loading={pending} onClick={onConfirm} {...(danger ? { colorPalette: "danger" } : {})}>
          {verb}
        </Button>
      </>
    }
    onClose={onClose}
    role="alertdialog"
    title={title}
  >
    <Stack gap={4}>
      {children}
      {error ? <ProblemPanel error={error} /> : undefined}
    </Stack>
  </Dialog>
);
