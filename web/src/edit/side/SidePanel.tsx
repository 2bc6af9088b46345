import { Stack, Tabs, Text } from "@chakra-ui/react";
import type { UseQueryResult } from "@tanstack/react-query";

import type { Checked } from "../../api/types";
import { useMe } from "../../api/useMe";
import { NextRuns } from "../../export/overview/Schedule";
import { Loading } from "../../shared/Loading";
import { Pre } from "../../shared/Pre";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { Section } from "../../shared/Section";
import { Preview } from "./Preview";
import { SideBySide } from "./SideBySide";

interface Props {
  checked: UseQueryResult<Checked>;
  isNew: boolean;
  name: string;
  old: string;
  text: string;
}

/** What the draft would do: what is wrong with it, the text that would be written, its files, its rows, its next runs. */
export const SidePanel = ({ checked, isNew, name, old, text }: Props) => {
  const found = checked.data;
  const readOnly = useMe()?.edits === "read-only";
  return (
    <Stack gap={4}>
      {readOnly ? (
        <Text color="fg.muted" fontSize="sm">
          The declarations are read-only here (`edits: read-only` in project.yaml). You get the change as a patch, to be applied where they are kept.
        </Text>
      ) : undefined}
      {checked.error ? <ProblemPanel error={checked.error} onRetry={() => void checked.refetch()} /> : undefined}
      <Problems checked={found} />
      <Tabs.Root defaultValue="text" size="sm" variant="line">
        <Tabs.List overflowX="auto" overflowY="hidden">
          <Tabs.Trigger value="text">Text</Tabs.Trigger>
          <Tabs.Trigger value="files">Files</Tabs.Trigger>
          <Tabs.Trigger value="rows">Rows</Tabs.Trigger>
          <Tabs.Trigger value="schedule">Schedule</Tabs.Trigger>
          <Tabs.Trigger value="plan">Plan</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="text"><SideBySide left={old} leftTitle={old ? "Saved" : "Nothing is saved yet"} right={text} rightTitle="Would be written" /></Tabs.Content>
        <Tabs.Content value="files">{found ? <Files tree={found.tree} /> : <Loading />}</Tabs.Content>
        <Tabs.Content value="rows"><Preview broken={(found?.errors.length ?? 1) > 0} isNew={isNew} name={name} text={text} /></Tabs.Content>
        <Tabs.Content value="schedule">{found ? <Runs checked={found} /> : <Loading />}</Tabs.Content>
        <Tabs.Content value="plan">{found?.plan ? <Pre label="The plan" text={found.plan} /> : <Text color="fg.muted" fontSize="sm">There is a plan when the draft has no errors.</Text>}</Tabs.Content>
      </Tabs.Root>
    </Stack>
  );
};

const Problems = ({ checked }: { checked: Checked | undefined }) =>
  checked && checked.errors.length + checked.warnings.length > 0 ? (
    <Stack aria-live="polite" gap={2}>
      {checked.errors.map((problem) => <ProblemPanel error={problem} key={problem.page} />)}
      {checked.warnings.map((problem) => <ProblemPanel error={problem} key={problem.page} tone="warning" />)}
    </Stack>
  ) : undefined;

const Files = ({ tree }: { tree: string[] }) =>
  tree.length > 0 ? (
    <Section title="A run now would write">
      <Pre label="Files" text={tree.join("\n")} />
    </Section>
  ) : (
    <Text color="fg.muted" fontSize="sm">The files appear when the draft has no errors.</Text>
  );

const Runs = ({ checked }: { checked: Checked }) => (
  <Stack fontSize="sm" gap={2}>
    <Text>{checked.schedule || "No schedule"}</Text>
    {checked.next_runs.length > 0 ? <NextRuns runs={checked.next_runs} /> : <Text color="fg.muted">Its times are not known in advance.</Text>}
  </Stack>
);
