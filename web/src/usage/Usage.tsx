import { Button, Flex, Heading, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router-dom";

import { api } from "../api/client";
import type { UsageView } from "../api/types";
import { Bytes } from "../shared/Bytes";
import { Fact, Facts } from "../shared/Fact";
import { Failed } from "../shared/Failed";
import { Section } from "../shared/Section";
import { LineTable } from "./LineTable";
import { Notice } from "./Notice";
import { VolumeChart } from "./VolumeChart";

const OFTEN = 60_000;

/** How much may be delivered in a contract year, and how much was. */
const Usage = () => {
  const [query, setQuery] = useSearchParams();
  const year = Number(query.get("year")) || undefined;
  const found = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/usage", { query: year ? { year } : {}, signal }),
    queryKey: ["usage", year],
    refetchInterval: OFTEN,
  });
  const choose = (wanted: number) => {
    setQuery({ year: String(wanted) }, { replace: true });
  };
  return (
    <Stack gap={6}>
      <Flex align="center" flexWrap="wrap" gap={3} justify="space-between">
        <Heading as="h1" size="md">Usage</Heading>
        {found.data ? <Years choose={choose} year={found.data.year} /> : undefined}
      </Flex>
      {found.data ? <Loaded usage={found.data} /> : <Failed query={found} what="Reading what was delivered" />}
    </Stack>
  );
};

const Years = ({ choose, year }: { choose: (year: number) => void; year: number }) => (
  <HStack gap={2}>
    {[year - 1, year + 1].map((other) => (
      <Button
        aria-label={`Contract year ${other}`}
        key={other}
        onClick={() => {
          choose(other);
        }}
        size="sm"
        variant="outline"
      >
        {other}
      </Button>
    ))}
  </HStack>
);

const Loaded = ({ usage }: { usage: UsageView }) => (
  <>
    <Notice usage={usage} />
    <Facts>
      <Fact label={`Contract year ${usage.year}`}>{usage.starts} to {usage.ends}, UTC</Fact>
      <Fact label="Entitlement">{usage.entitlement ? <Bytes of={usage.entitlement} /> : "No licence is declared in project.yaml"}</Fact>
      <Fact label="Used"><Share of={usage.used} whole={usage.entitlement} /></Fact>
      <Fact label="Forecast">{typeof usage.forecast === "number" ? <Share of={usage.forecast} whole={usage.entitlement} /> : "-"}</Fact>
    </Facts>
    <Section title="Delivered by dataset exports">
      <VolumeChart usage={usage} />
    </Section>
    <Section title="By connection">
      {usage.lines.length > 0 ? <LineTable label="Dataset exports by connection" lines={usage.lines} /> : <Text color="fg.muted" fontSize="sm">Dataset exports have delivered nothing.</Text>}
    </Section>
    {usage.others.length > 0 ? (
      <Section title="Other exports, which do not count">
        <LineTable label="Other exports by connection" lines={usage.others} />
      </Section>
    ) : undefined}
  </>
);

const Share = ({ of, whole }: { of: number; whole: number | null | undefined }) => (
  <>
    <Bytes of={of} />
    {whole ? ` (${((of / whole) * 100).toFixed(1)} %)` : ""}
  </>
);

export default Usage;
