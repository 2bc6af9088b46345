import { Heading, Stack, Tabs } from "@chakra-ui/react";
import { useSearchParams } from "react-router-dom";

import { Datasets } from "./Datasets";
import { Destinations } from "./Destinations";
import { Segments } from "./Segments";

const TABS = ["segments", "datasets", "destinations"];

/** What can be delivered, and where to. */
const Catalog = () => {
  const [query, setQuery] = useSearchParams();
  const asked = query.get("tab") ?? "";
  return (
    <Stack gap={4}>
      <Heading as="h1" size="md">Catalog</Heading>
      <Tabs.Root
        lazyMount
        onValueChange={({ value }) => {
          setQuery({ tab: value }, { replace: true });
        }}
        value={TABS.includes(asked) ? asked : "segments"}
      >
        <Tabs.List overflowX="auto" overflowY="hidden">
          <Tabs.Trigger value="segments">Segments</Tabs.Trigger>
          <Tabs.Trigger value="datasets">Datasets</Tabs.Trigger>
          <Tabs.Trigger value="destinations">Destinations</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="segments"><Segments /></Tabs.Content>
        <Tabs.Content value="datasets"><Datasets /></Tabs.Content>
        <Tabs.Content value="destinations"><Destinations /></Tabs.Content>
      </Tabs.Root>
    </Stack>
  );
};

export default Catalog;
