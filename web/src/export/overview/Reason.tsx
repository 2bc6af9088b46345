import { Alert, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import type { ExportDetail } from "../../api/types";
import { HostLink } from "../../shared/HostLink";
import { Icon } from "../../shared/Icon";
import { Pre } from "../../shared/Pre";
import { paths } from "../../shell/paths";

const WITH_REASON = ["cancelled", "failed", "held", "skipped", "unknown"];

/** Why the export has its status, in full. Declarations that do not load have their errors instead. */
export const Reason = ({ detail: { row } }: { detail: ExportDetail }) => {
  const asked = WITH_REASON.includes(row.status) && row.run !== "";
  const run = useQuery({
    enabled: asked,
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/runs/{run}", { path: { name: row.name, run: row.run }, signal }),
    queryKey: ["exports", "run", row.name, row.run],
  });
  if (row.status === "detached") return <NoConnection />;
  if (!asked) return undefined;
  const why = run.data?.why ?? row.why;
  return (
    <Alert.Root alignItems="flex-start" status={row.status === "failed" ? "error" : "warning"}>
      <Icon name={row.status === "held" ? "hand" : "warning"} />
      <Alert.Content gap={2} minW={0}>
        <Alert.Title>The last run {SAYS[row.status] ?? "ended with an unknown outcome"}</Alert.Title>
        <Alert.Description asChild>
          <Stack gap={2}>
            {why ? <Pre label="The reason" maxH="16rem" text={why} /> : <Text>It left no reason.</Text>}
            <HostLink to={paths.run(row.name, row.run)}>Progress details</HostLink>
          </Stack>
        </Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
};

const SAYS: Record<string, string> = {
  cancelled: "was cancelled",
  failed: "failed; nothing of it was delivered",
  held: "is held: its counts are not as expected",
  skipped: "was skipped",
};

const NoConnection = () => (
  <Alert.Root status="warning">
    <Icon name="unplug" />
    <Alert.Title>This export has no connection, so it does not run. Choose one in Edit.</Alert.Title>
  </Alert.Root>
);
