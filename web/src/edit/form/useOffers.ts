import type { ConnectionView, DatasetView, SegmentView } from "../../api/types";
import type { Kind } from "../values";
import type { Offer } from "./FeedPicker";
import { useDatasets, useSegments } from "./useCatalog";

/** How people call the feeds of each kind of export. */
export const FEEDS = { datasets: "Datasets", entities: "Entities", segments: "Segments" } as const;

/** What an export of this kind could deliver to a connection; and the query that reads it, while there is no answer. */
export const useOffers = (kind: Kind, connection: ConnectionView | undefined, split = false) => {
  const [segments, datasets] = [useSegments(connection?.name, split), useDatasets()];
  const query = kind === "segment-export" ? segments : datasets;
  const offers =
    kind === "segment-export"
      ? segments.data?.map(ofSegment)
      : datasets.data?.map((one) => ofDataset(one, connection));
  return { offers, query };
};

/** Eligibility and warnings are those of the guardrails: the server asks them. */
const ofSegment = (segment: SegmentView): Offer => ({
  count: segment.members ?? null,
  counts: segment.kind === "account" ? "accounts" : "members",
  eligible: segment.eligible,
  kind: segment.kind,
  name: segment.name,
  says: segment.description || `Of ${segment.dataset}`,
  title: segment.title,
  warning: segment.findings.map(({ says }) => says).join("; "),
});

const ofDataset = (dataset: DatasetView, connection: ConnectionView | undefined): Offer => ({
  count: undefined,
  counts: "members",
  eligible: accepts(connection, dataset.kind),
  kind: dataset.kind,
  name: dataset.name,
  says: dataset.description,
  title: dataset.title,
  warning: "",
});

const accepts = (connection: ConnectionView | undefined, kind: string): boolean =>
  !connection || connection.takes.length === 0 || connection.takes.includes(kind);
