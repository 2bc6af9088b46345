import { Flex, Heading, Stack } from "@chakra-ui/react";
import { useState } from "react";

import type { System } from "../api/types";
import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { Fact, Facts } from "../shared/Fact";
import { Failed } from "../shared/Failed";
import { Section } from "../shared/Section";
import { StatusBadge } from "../shared/StatusBadge";
import { Time } from "../shared/Time";
import { Graph } from "./graph/Graph";
import { Health } from "./Health";
import { Installation } from "./Installation";
import { NodeTable } from "./NodeTable";
import { RefreshDialog } from "./RefreshDialog";
import { useSystem } from "./useSystem";
import { Waiting } from "./Waiting";

/** Refreshes and segments in the order in which they are refreshed, and the exports that wait for them. */
const SystemStatus = () => {
  const query = useSystem();
  return query.data ? <Loaded system={query.data} /> : <Failed query={query} what="Reading the system's status" />;
};

const Loaded = ({ system }: { system: System }) => (
  <Stack gap={6}>
    <Flex align="flex-start" flexWrap="wrap" gap={3} justify="space-between">
      <Heading as="h1" size="md">System status</Heading>
      <Refresh refreshing={system.refreshing} />
    </Flex>
    <Facts>
      <Fact label="System refresh">{system.refreshing ? <StatusBadge status="processing" /> : "Not in progress"}</Fact>
      <Fact label="Last refresh"><Time at={system.last_refresh} focusable none="None yet" /></Fact>
      <Fact label="Next refresh"><Time at={system.next_refresh} focusable none="-" /></Fact>
      <Fact label="Schedule">{system.schedule || "-"}</Fact>
    </Facts>
    <Health health={system.health} />
    <Installation />
    <Waiting waiting={system.waiting} />
    <Section title="What depends on what">
      <Graph edges={system.edges} nodes={system.nodes} waiting={system.waiting} />
    </Section>
    <NodeTable edges={system.edges} nodes={system.nodes} />
  </Stack>
);

const Refresh = ({ refreshing }: { refreshing: boolean }) => {
  const [open, setOpen] = useState(false);
  const may = useMe()?.may.includes("run-refresh") ?? false;
  return (
    <>
      <ActionButton
        icon="refresh"
        onClick={() => {
          setOpen(true);
        }}
        size="sm"
        whyNot={may ? (refreshing ? "A system refresh is in progress" : "") : "Only administrators start the system refresh"}
      >
        Start the system refresh
      </ActionButton>
      {open ? <RefreshDialog onClose={() => { setOpen(false); }} /> : undefined}
    </>
  );
};

export default SystemStatus;
