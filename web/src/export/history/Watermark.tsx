import { Button, DataList, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { Section } from "../../shared/Section";
import { WatermarkDialog } from "./WatermarkDialog";

/** Where the next incremental run starts. Administrators may change it, behind a warning. */
export const Watermark = ({ maySet, name }: { maySet: boolean; name: string }) => {
  const [open, setOpen] = useState(false);
  const query = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/watermark", { path: { name }, signal }),
    queryKey: ["exports", "watermark", name],
  });
  const found = query.data;
  return (
    <Section
      actions={maySet && found ? <Button onClick={() => { setOpen(true); }} size="xs" variant="outline">Set the watermark</Button> : undefined}
      title="Watermark"
    >
      {query.error ? <ProblemPanel error={query.error} onRetry={() => void query.refetch()} /> : undefined}
      {found && !found.value ? <Text color="fg.muted" fontSize="sm">There is none: the next run delivers everything.</Text> : undefined}
      {found?.value ? <Positions text={found.text} value={found.value} /> : undefined}
      {open && found ? <WatermarkDialog name={name} onClose={() => { setOpen(false); }} seen={found.value} /> : undefined}
    </Section>
  );
};

const Positions = ({ text, value }: { text: Record<string, string>; value: Record<string, unknown> }) => (
  <DataList.Root orientation="horizontal" size="sm">
    {Object.entries(value).map(([feed, position]) => (
      <DataList.Item key={feed}>
        <DataList.ItemLabel>{feed}</DataList.ItemLabel>
        <DataList.ItemValue overflowWrap="anywhere">{text[feed] ?? JSON.stringify(position)}</DataList.ItemValue>
      </DataList.Item>
    ))}
  </DataList.Root>
);
