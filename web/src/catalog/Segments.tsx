import { Button, Table, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import type { SegmentView } from "../api/types";
import { useSegments } from "../edit/form/useCatalog";
import { count } from "../shared/amount";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Sheet } from "../shared/Sheet";
import { Time } from "../shared/Time";
import { paths } from "../shell/paths";
import { MembersButton } from "./MembersButton";
import { Searched } from "./Searched";
import { UsedBy } from "./UsedBy";

const HEADS = ["Segment", "Of", { label: "Members", number: true as const }, "Refreshed", "Rule", "Exports", "Action"];

/** Segments: their rule, their members, when they were refreshed, and who uses them. */
export const Segments = () => {
  const query = useSegments();
  if (!query.data) return <Failed query={query} what="Reading the segments" />;
  if (query.data.length === 0) return <Empty says="Segments are declared in catalog/segments.yaml." title="There are no segments" />;
  return (
    <Searched label="Search segments" rows={query.data} textOf={({ description, name, title }) => `${name} ${title} ${description}`}>
      {(found) => <Sheet heads={HEADS} label="Segments">{found.map((segment) => <Row key={segment.name} segment={segment} />)}</Sheet>}
    </Searched>
  );
};

const Row = ({ segment }: { segment: SegmentView }) => (
  <Table.Row>
    <Table.Cell maxW="20rem" whiteSpace="normal">
      <Text fontWeight="semibold">{segment.title || segment.name}</Text>
      <Text color="fg.muted" fontSize="xs">{segment.description}</Text>
    </Table.Cell>
    <Table.Cell>{segment.dataset}<Text color="fg.muted" fontSize="xs">{segment.kind}</Text></Table.Cell>
    <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end">
      {typeof segment.members === "number" ? <MembersButton members={segment.members} name={segment.name} /> : "-"}
      <Text color="fg.muted" fontSize="xs">{growth(segment)}</Text>
    </Table.Cell>
    <Table.Cell><Time at={segment.refreshed} focusable none="not yet" /></Table.Cell>
    <Table.Cell fontFamily="mono" fontSize="xs" maxW="22rem" overflowWrap="anywhere" whiteSpace="normal">{segment.rule}</Table.Cell>
    <Table.Cell maxW="16rem" whiteSpace="normal"><UsedBy exports={segment.exports} /></Table.Cell>
    <Table.Cell>
      <Button asChild size="xs" variant="outline">
        <Link aria-label={`Export ${segment.name}`} to={`${paths.newExport}?segment=${encodeURIComponent(segment.name)}`}>Export</Link>
      </Button>
    </Table.Cell>
  </Table.Row>
);

/** `+120 since the refresh before`. */
const growth = ({ before, members }: SegmentView): string => {
  if (typeof before !== "number" || typeof members !== "number") return "";
  const more = members - before;
  return more === 0 ? "unchanged" : `${more > 0 ? "+" : "-"}${count(Math.abs(more))}`;
};
