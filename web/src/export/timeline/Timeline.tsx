import { Box, Button, HStack, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import type { TimelineEvent } from "../../api/types";
import { DiffLines } from "../../shared/DiffLines";
import { Empty } from "../../shared/Empty";
import { Failed } from "../../shared/Failed";
import { HostLink } from "../../shared/HostLink";
import { Icon, type IconName } from "../../shared/Icon";
import { Pre } from "../../shared/Pre";
import { StatusBadge } from "../../shared/StatusBadge";
import { Time } from "../../shared/Time";
import { paths } from "../../shell/paths";

/** What happened to an export, newest first: runs, edits, holds, releases, schema changes and alerts. */
const Timeline = ({ name }: { name: string }) => {
  const query = useInfiniteQuery({
    queryKey: ["exports", "timeline", name],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/exports/{name}/timeline", { path: { name }, query: pageParam ? { before: pageParam } : {}, signal }),
    getNextPageParam: (last) => last.before ?? undefined,
    initialPageParam: undefined as string | undefined,
  });
  if (!query.data) return <Failed query={query} what="Reading the timeline" />;
  const events = query.data.pages.flatMap((page) => page.events);
  if (events.length === 0 && !query.hasNextPage) return <Empty icon="clock" says="Runs, edits, holds, releases, schema changes and alerts appear here." title="Nothing has happened yet" />;
  return (
    <Stack gap={4}>
      <Stack as="ol" gap={0} listStyleType="none">
        {events.map((event) => <EventItem event={event} key={`${event.at} ${event.kind} ${event.title}`} name={name} />)}
      </Stack>
      {query.hasNextPage ? (
        <HStack>
          <Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()} size="sm" variant="outline">Show older ones</Button>
        </HStack>
      ) : <Text color="fg.muted" fontSize="sm">That is everything that is known.</Text>}
    </Stack>
  );
};

const ICONS: Record<TimelineEvent["kind"], IconName> = {
  action: "user",
  alert: "warning",
  edit: "edit",
  held: "hand",
  released: "play",
  run: "refresh",
  schema: "columns",
};

const EventItem = ({ event, name }: { event: TimelineEvent; name: string }) => (
  <HStack align="flex-start" as="li" borderBottomWidth={1} gap={3} py={3}>
    <Box color="fg.muted" pt={0.5}><Icon name={ICONS[event.kind]} /></Box>
    <Stack flex="1" gap={1} minW={0}>
      <HStack flexWrap="wrap">
        <Text fontWeight="semibold" overflowWrap="anywhere">{event.title}</Text>
        {event.status ? <StatusBadge status={event.status} /> : undefined}
      </HStack>
      <HStack color="fg.muted" flexWrap="wrap" fontSize="sm">
        <Time as="local" at={event.at} focusable />
        {event.actor ? <Text>by {event.actor}</Text> : undefined}
        {event.run ? <HostLink to={paths.run(name, event.run)}>Progress details</HostLink> : undefined}
      </HStack>
      {event.detail ? <Detail event={event} /> : undefined}
    </Stack>
  </HStack>
);

const Detail = ({ event: { detail, kind } }: { event: TimelineEvent }) => {
  if (kind === "edit") return <DiffLines diff={detail} label="The change" />;
  return detail.includes("\n") ? <Pre label="The reason" maxH="12rem" text={detail} /> : <Text fontSize="sm" overflowWrap="anywhere">{detail}</Text>;
};

export default Timeline;
