import { Button, Table, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import type { DatasetView } from "../api/types";
import { useDatasets } from "../edit/form/useCatalog";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Sheet } from "../shared/Sheet";
import { Time } from "../shared/Time";
import { paths } from "../shell/paths";
import { Searched } from "./Searched";
import { UsedBy } from "./UsedBy";

const HEADS = ["Dataset", "Kind", "Source", "Key", "Refreshed", "Segments", "Exports", "Action"];

/** Datasets: what they are, when they were refreshed, and who uses them. */
export const Datasets = () => {
  const query = useDatasets();
  if (!query.data) return <Failed query={query} what="Reading the datasets" />;
  if (query.data.length === 0) return <Empty says="Datasets are declared in catalog/datasets.yaml." title="There are no datasets" />;
  return (
    <Searched label="Search datasets" rows={query.data} textOf={({ description, name, title }) => `${name} ${title} ${description}`}>
      {(found) => <Sheet heads={HEADS} label="Datasets">{found.map((dataset) => <Row dataset={dataset} key={dataset.name} />)}</Sheet>}
    </Searched>
  );
};

const Row = ({ dataset }: { dataset: DatasetView }) => (
  <Table.Row>
    <Table.Cell maxW="20rem" whiteSpace="normal">
      <Text fontWeight="semibold">{dataset.title || dataset.name}</Text>
      <Text color="fg.muted" fontSize="xs">{dataset.description}</Text>
    </Table.Cell>
    <Table.Cell>{dataset.kind}</Table.Cell>
    <Table.Cell>{dataset.source}</Table.Cell>
    <Table.Cell fontFamily="mono" fontSize="xs">{dataset.key}</Table.Cell>
    <Table.Cell>
      <Time at={dataset.refreshed} focusable none="-" />
      {dataset.refreshed_by ? <Text color="fg.muted" fontSize="xs">by {dataset.refreshed_by}</Text> : undefined}
    </Table.Cell>
    <Table.Cell maxW="14rem" whiteSpace="normal">{dataset.segments.join(", ") || "-"}</Table.Cell>
    <Table.Cell maxW="16rem" whiteSpace="normal"><UsedBy exports={dataset.exports} /></Table.Cell>
    <Table.Cell>
      <Button asChild size="xs" variant="outline">
        <Link aria-label={`Export ${dataset.name}`} to={`${paths.newExport}?dataset=${encodeURIComponent(dataset.name)}`}>Export</Link>
      </Button>
    </Table.Cell>
  </Table.Row>
);
