import { HStack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useNavigate } from "react-router-dom";

import { ActionButton } from "../../shared/ActionButton";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { paths } from "../../shell/paths";
import { RUN_ACTIONS, type RunVerb, useRunAction } from "./useRunAction";

interface Props {
  run: { export: string; may: string[]; run: string };
}

/** What may be done with a run now: only what has an effect is offered. */
export const RunActions = ({ run }: Props) => {
  const [asked, setAsked] = useState<RunVerb>();
  const offered = (Object.keys(RUN_ACTIONS) as RunVerb[]).filter((verb) => run.may.includes(verb));
  return (
    <HStack flexWrap="wrap">
      {offered.map((verb) => (
        <ActionButton icon={RUN_ACTIONS[verb].icon} key={verb} onClick={() => { setAsked(verb); }} size="sm">
          {RUN_ACTIONS[verb].label}
        </ActionButton>
      ))}
      {asked ? <Confirm onClose={() => { setAsked(undefined); }} run={run} verb={asked} /> : undefined}
    </HStack>
  );
};

const Confirm = ({ onClose, run, verb }: Props & { onClose: () => void; verb: RunVerb }) => {
  const navigate = useNavigate();
  const { danger, label, says } = RUN_ACTIONS[verb];
  const action = useRunAction(run.export, run.run, verb, (started) => {
    onClose();
    if (started) void navigate(paths.run(run.export, started));
  });
  return (
    <ConfirmDialog
      danger={danger}
      error={action.error}
      onClose={onClose}
      onConfirm={() => { action.mutate(); }}
      pending={action.isPending}
      title={`${label}: ${run.export}`}
      verb={label}
    >
      <Text>{says}</Text>
      <Text color="fg.muted" fontFamily="mono" fontSize="xs" overflowWrap="anywhere">{run.run}</Text>
    </ConfirmDialog>
  );
};
