import { Button, Stack, Text } from "@chakra-ui/react";
import { useMutation } from "@tanstack/react-query";

import { api } from "../api/client";
import { Dialog } from "../shared/Dialog";
import { ProblemPanel } from "../shared/ProblemPanel";
import { SideBySide } from "./side/SideBySide";
import type { Saved } from "./useSave";

interface Props {
  mine: string;
  name: string;
  onClose: () => void;
  /** Keep my text, as a change of the current one. */
  onMine: (current: Saved) => void;
  onTheirs: (current: Saved) => void;
  theirs: string;
}

/** Somebody else has saved in the meantime: both texts, and the choice. Nothing is overwritten unseen. */
export const StaleDialog = ({ mine, name, onClose, onMine, onTheirs, theirs }: Props) => {
  const read = useMutation({
    mutationFn: async (): Promise<Saved> => {
      const { tag, text } = await api.get("/api/v1/exports/{name}", { path: { name } });
      return { tag, text };
    },
  });
  return (
    <Dialog
      footer={
        <>
          <Button onClick={onClose} variant="outline">Back to editing</Button>
          <Button
            loading={read.isPending}
            onClick={() => {
              read.mutate(undefined, { onSuccess: onTheirs });
            }}
            variant="outline"
          >
            Discard mine
          </Button>
          <Button
            loading={read.isPending}
            onClick={() => {
              read.mutate(undefined, { onSuccess: onMine });
            }}
          >
            Take over my change
          </Button>
        </>
      }
      onClose={onClose}
      size="xl"
      title={`${name} was changed in the meantime`}
    >
      <Stack gap={4}>
        <Text>
          Somebody else has saved it since you opened it. Nothing of yours is written yet. If you take over your change, your text replaces
          theirs with the next Save; look first at what would be undone.
        </Text>
        <SideBySide left={theirs} leftTitle="Saved now" right={mine} rightTitle="Yours" />
        {read.error ? <ProblemPanel error={read.error} /> : undefined}
      </Stack>
    </Dialog>
  );
};
