import { Button, Card, HStack, SimpleGrid, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router-dom";

import { api } from "../api/client";
import type { ConnectionView, DestinationType } from "../api/types";
import { useMe } from "../api/useMe";
import { useConnections } from "../connections/useConnections";
import { Failed } from "../shared/Failed";
import { Said } from "../shared/Said";
import { paths } from "../shell/paths";

/** Types of destination as cards, each with its connections. */
export const Destinations = () => {
  const query = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/destinations", { signal }),
    queryKey: ["destinations"],
    staleTime: 30_000,
  });
  const connections = useConnections().data ?? [];
  if (!query.data) return <Failed query={query} what="Reading the destinations" />;
  return (
    <SimpleGrid as="ul" columns={{ base: 1, lg: 3, md: 2 }} gap={4} listStyleType="none">
      {query.data.map((destination) => (
        <DestinationCard connections={connections.filter(({ type }) => type === destination.type)} destination={destination} key={destination.type} />
      ))}
    </SimpleGrid>
  );
};

const DestinationCard = ({ connections, destination }: { connections: ConnectionView[]; destination: DestinationType }) => {
  const mayCreate = useMe()?.may.includes("create-connection") ?? false;
  return (
    <Card.Root as="li" size="sm">
      <Card.Header>
        <Card.Title as="h2">{destination.title}</Card.Title>
      </Card.Header>
      <Card.Body gap={3}>
        <Text color="fg.muted" fontSize="sm"><Said text={destination.says} /></Text>
        {destination.conn_types.length > 0 ? <Text fontSize="xs">Credentials: an Airflow connection of type {destination.conn_types.join(" or ")}</Text> : undefined}
        {connections.length === 0 ? <Text color="fg.muted" fontSize="sm">There is no connection of this type yet.</Text> : undefined}
        {connections.map((connection) => <ConnectionRow connection={connection} key={connection.name} />)}
      </Card.Body>
      <Card.Footer>
        {mayCreate ? <Button asChild size="xs" variant="outline"><Link to={`${paths.connections}/new?type=${destination.type}`}>Add a connection</Link></Button> : undefined}
      </Card.Footer>
    </Card.Root>
  );
};

const PEOPLE = ["account", "contact", "profile"];

const ConnectionRow = ({ connection }: { connection: ConnectionView }) => {
  const usable = connection.may.includes("create-export");
  const to = `${paths.newExport}?connection=${encodeURIComponent(connection.name)}`;
  const takesPeople = connection.takes.some((kind) => PEOPLE.includes(kind));
  return (
    <Stack borderTopWidth={1} gap={1} pt={2}>
      <Text fontWeight="semibold">{connection.title || connection.name}</Text>
      <Text color="fg.muted" fontSize="xs">
        {connection.takes.length > 0 ? `Takes ${connection.takes.join(", ")}. ` : ""}
        {connection.exports === 1 ? "1 export." : `${connection.exports} exports.`}
        {usable ? "" : " It is not shared with you."}
      </Text>
      {usable ? (
        <HStack flexWrap="wrap">
          {takesPeople ? <Button asChild size="xs" variant="outline"><Link aria-label={`Activate segments to ${connection.name}`} to={to}>Activate</Link></Button> : undefined}
          <Button asChild size="xs" variant="outline">
            <Link aria-label={`Export datasets to ${connection.name}`} to={`${to}&kind=dataset-export`}>Export datasets</Link>
          </Button>
        </HStack>
      ) : undefined}
    </Stack>
  );
};
