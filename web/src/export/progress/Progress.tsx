import { Flex, Stack } from "@chakra-ui/react";
import { useParams } from "react-router-dom";

import type { ExportDetail, Progress as Run } from "../../api/types";
import { Empty } from "../../shared/Empty";
import { Fact, Facts } from "../../shared/Fact";
import { Failed } from "../../shared/Failed";
import { HostLink } from "../../shared/HostLink";
import { Pre } from "../../shared/Pre";
import { Section } from "../../shared/Section";
import { StatusBadge } from "../../shared/StatusBadge";
import { Time } from "../../shared/Time";
import { Warnings } from "../Warnings";
import { Compared, isComparison } from "./Compared";
import { Elapsed } from "./Elapsed";
import { LiveBar } from "./LiveBar";
import { RunActions } from "./RunActions";
import { RunSelect } from "./RunSelect";
import { TaskItem } from "./TaskItem";
import { inProgress, useProgress } from "./useProgress";

/** Progress details of the last run, or of the one in the address. */
const Progress = ({ detail: { row } }: { detail: ExportDetail }) => {
  const { run = row.run } = useParams();
  const query = useProgress(row.name, run);
  if (run === "") return <Empty icon="play" says="Progress appears here when a run is queued." title="This export has not run yet" />;
  return (
    <Stack gap={5}>
      <RunSelect name={row.name} run={run} />
      {query.data ? <Details run={query.data} /> : <Failed query={query} what="Reading the run" />}
    </Stack>
  );
};

const Details = ({ run }: { run: Run }) => (
  <>
    <Flex align="flex-start" flexWrap="wrap" gap={3} justify="space-between">
      <Facts>
        <Fact label="Status"><StatusBadge status={run.status} /></Fact>
        {run.mode ? <Fact label="Mode">{run.mode}</Fact> : undefined}
        {run.window ? <Fact label="Window">{run.window}</Fact> : undefined}
        <Fact label="Started"><Time as="local" at={run.started} focusable none="not yet" /></Fact>
        <Fact label={inProgress(run.status) ? "Running for" : "Took"}><Elapsed from={run.started} to={run.ended} /></Fact>
        <Fact label="In Airflow"><HostLink to={run.page}>Run {run.run}</HostLink></Fact>
      </Facts>
      <RunActions run={run} />
    </Flex>
    <LiveBar run={run} />
    {run.compared ? <Compared compared={run.compared} name={run.export} /> : undefined}
    {run.why ? <Why run={run} /> : undefined}
    <Section title="Tasks">
      <Stack as="ol" gap={0} listStyleType="none">
        {run.tasks.map((task) => <TaskItem key={task.task} task={task} />)}
      </Stack>
    </Section>
    {run.warnings.length > 0 ? <Warnings lines={run.warnings} /> : undefined}
  </>
);

const Why = ({ run: { status, why } }: { run: Run }) => {
  const word = isComparison(status) ? "result" : "reason";
  return <Section title={word === "result" ? "Result" : "Reason"}><Pre label={`The ${word}`} maxH="16rem" text={why} /></Section>;
};

export default Progress;
