import { Button, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../api/client";
import { problemOf } from "../api/problem";
import type { WorkbenchLimits } from "../api/types";
import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { Dialog } from "../shared/Dialog";
import { Failed } from "../shared/Failed";
import { ProblemPanel } from "../shared/ProblemPanel";
import { ChooseFiles } from "./ChooseFiles";
import { type Chosen, type Options, whyNot } from "./files";
import { Outcome } from "./Outcome";
import { useImport } from "./useImport";

interface Props {
  onClose: () => void;
}

/** Imports files of Data Workbench: first it says what they become, then it writes all of it as one change. */
const ImportDialog = ({ onClose }: Props) => {
  const limits = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/import/workbench", { signal }),
    queryKey: ["import", "limits"],
    staleTime: Infinity,
  });
  return limits.data ? (
    <Loaded limits={limits.data} onClose={onClose} />
  ) : (
    <Dialog onClose={onClose} size="xl" title={TITLE}><Failed query={limits} /></Dialog>
  );
};

const TITLE = "Import from Data Workbench";

const Loaded = ({ limits, onClose }: Props & { limits: WorkbenchLimits }) => {
  const [chosen, setChosen] = useState<Chosen[]>([]);
  const [options, setOptions] = useState<Options>({ crs: "", switched_off: true });
  const { check, write } = useImport(chosen, options, onClose);
  const readOnly = useMe()?.edits === "read-only";
  const reason = whyNot(chosen, limits);
  const again = () => {
    write.reset();
    check.mutate();
  };
  if (check.data) {
    const { files, tag } = check.data;
    return (
      <Dialog
        footer={
          <>
            <Button
              onClick={() => {
                check.reset();
                write.reset();
              }}
              variant="outline"
            >
              Back to the files
            </Button>
            <ActionButton
              loading={write.isPending}
              onClick={() => {
                if (!write.isPending) write.mutate(tag);
              }}
              variant="solid"
              whyNot={files.length === 0 ? "There is nothing to write: all of it is there already." : ""}
            >
              {readOnly ? "Make a patch" : "Import"}
            </ActionButton>
          </>
        }
        onClose={onClose}
        size="xl"
        title={TITLE}
      >
        <Stack gap={4}>
          {write.error ? <Problems error={write.error} onRetry={problemOf(write.error).patch ? undefined : again} /> : undefined}
          <Outcome imported={check.data} readOnly={readOnly} />
        </Stack>
      </Dialog>
    );
  }
  return (
    <Dialog
      footer={
        <>
          <Button onClick={onClose} variant="outline">Close</Button>
          <ActionButton loading={check.isPending} onClick={again} variant="solid" whyNot={reason}>
            Check the files
          </ActionButton>
        </>
      }
      onClose={onClose}
      size="xl"
      title={TITLE}
    >
      <Stack gap={4}>
        <ChooseFiles chosen={chosen} limits={limits} onChange={setChosen} onOptions={setOptions} options={options} />
        {chosen.length > 0 && reason ? <Text aria-live="polite" color="fg.muted">{reason}</Text> : undefined}
        {check.error ? <Problems error={check.error} /> : undefined}
      </Stack>
    </Dialog>
  );
};

/** What is wrong with each file. */
const Problems = ({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) => (
  <Stack gap={2}>
    <ProblemPanel error={error} onRetry={onRetry} />
    {problemOf(error).others.map((one, at) => <ProblemPanel error={one} key={at} />)}
  </Stack>
);

export default ImportDialog;
