import { List } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import { Section } from "../../shared/Section";

/** What Audience Manager or Adobe Target have made of a delivery. Shown once `sluice receipt` has kept something. */
export const Receipts = ({ name, run }: { name: string; run: string }) => {
  const query = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/exports/{name}/runs/{run}/receipts", { path: { name, run }, signal }),
    queryKey: ["exports", "receipts", name, run],
  });
  if (!query.data?.length) return undefined;
  return (
    <Section title="Receipts">
      <List.Root fontSize="sm" variant="plain">
        {query.data.map((receipt) => <List.Item key={JSON.stringify(receipt)} overflowWrap="anywhere">{receipt.says}</List.Item>)}
      </List.Root>
    </Section>
  );
};
