import { Badge, Stack, Table, Text } from "@chakra-ui/react";
import { useMutation } from "@tanstack/react-query";

import { api } from "../api/client";
import type { Finding } from "../api/types";
import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { some } from "../shared/amount";
import { Icon, type IconName } from "../shared/Icon";
import { ProblemPanel } from "../shared/ProblemPanel";
import { Section } from "../shared/Section";
import { Sheet } from "../shared/Sheet";

const LOOKS: Record<Finding["state"], { icon: IconName; palette: string }> = {
  error: { icon: "close", palette: "failed" },
  ok: { icon: "check", palette: "success" },
  warning: { icon: "warning", palette: "up_for_retry" },
};

/** What `sluice doctor` finds, when somebody asks: it writes to staging, and asks servers for their time. */
export const Installation = () => {
  const check = useMutation({ mutationFn: () => api.post("/api/v1/system/check", { body: {} }) });
  const may = useMe()?.may.includes("check-installation") ?? false;
  return (
    <Section
      actions={
        <ActionButton
          icon="check"
          loading={check.isPending}
          onClick={() => {
            check.mutate();
          }}
          size="sm"
          whyNot={may ? "" : "Only administrators check the installation."}
        >
          Check the installation
        </ActionButton>
      }
      title="Installation"
    >
      {check.error ? <ProblemPanel error={check.error} /> : undefined}
      {check.data ? (
        <Findings findings={check.data} />
      ) : (
        <Text color="fg.muted" fontSize="sm">Staging, clocks, workers, versions, memory, disks and timeouts, as this API server sees them.</Text>
      )}
    </Section>
  );
};

const Findings = ({ findings }: { findings: Finding[] }) => (
  <Stack gap={2}>
    <Text aria-live="polite">{counted(findings)}</Text>
    <Sheet heads={["Result", "Check", "What was found"]} label="Findings">
      {findings.map(({ name, next_step: next, state, what }) => (
        <Table.Row key={`${name} ${what}`}>
          <Table.Cell>
            <Badge colorPalette={LOOKS[state].palette} size="sm" variant="subtle">
              <Icon name={LOOKS[state].icon} />
              {state}
            </Badge>
          </Table.Cell>
          <Table.Cell>{name}</Table.Cell>
          <Table.Cell minW="18rem" overflowWrap="anywhere" whiteSpace="normal">
            {what}
            {next ? <Text color="fg.muted">Next: {next}</Text> : undefined}
          </Table.Cell>
        </Table.Row>
      ))}
    </Sheet>
  </Stack>
);

const counted = (findings: Finding[]): string => {
  const of = (state: Finding["state"]) => findings.filter((one) => one.state === state).length;
  return `${some(findings.length, "check")}: ${some(of("error"), "error")}, ${some(of("warning"), "warning")}`;
};
