import { List, Stack, Text } from "@chakra-ui/react";

import type { ExportDetail } from "../../api/types";
import { HostLink } from "../../shared/HostLink";
import { Section } from "../../shared/Section";
import { Time } from "../../shared/Time";
import { paths } from "../../shell/paths";

const STATES: Record<string, string> = {
  "by hand": "There is no schedule; runs are started by hand.",
  done: "It runs once, and has delivered.",
  ended: "The schedule has ended.",
  off: "The schedule is switched off.",
  paused: "The export's DAG is paused in Airflow: no run starts.",
};

/** When an export runs, what a run waits for, and what runs after it. */
export const Schedule = ({ detail: { follows, next_runs: next, refreshes, row } }: { detail: ExportDetail }) => (
  <Section title="Schedule">
    <Stack fontSize="sm" gap={2}>
      <Text>{row.schedule || "No schedule"}</Text>
      {STATES[row.scheduled] ? <Text color="fg.muted">{STATES[row.scheduled]}</Text> : undefined}
      {next.length > 0 ? <NextRuns runs={next} /> : undefined}
      {row.end ? <Text>It ends at <Time as="local" at={row.end} focusable />.</Text> : undefined}
      {refreshes.length > 0 ? (
        <Text>
          A run waits for {refreshes.join(", ")} if it is in progress. <HostLink to={paths.system}>System status</HostLink>
        </Text>
      ) : undefined}
      {follows.length > 0 ? <Text>After each delivery: {follows.map((name) => <Follower key={name} name={name} />)}</Text> : undefined}
    </Stack>
  </Section>
);

const Follower = ({ name }: { name: string }) => (
  <>
    <HostLink to={paths.export(name)}>{name}</HostLink>{" "}
  </>
);

/** The next runs of a schedule by the clock. */
export const NextRuns = ({ runs }: { runs: string[] }) => (
  <Stack gap={1}>
    <Text color="fg.muted" fontSize="xs" fontWeight="bold">Next runs</Text>
    <List.Root aria-label="Next runs" as="ol" fontSize="sm" gap={0.5} variant="plain">
      {runs.map((run) => (
        <List.Item key={run}>
          <Time as="local" at={run} focusable />
        </List.Item>
      ))}
    </List.Root>
  </Stack>
);
