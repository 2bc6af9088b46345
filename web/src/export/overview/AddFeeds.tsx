import { useState } from "react";

import { ActionDialog } from "../../actions/ActionDialog";
import type { ExportDetail } from "../../api/types";
import { useConnections } from "../../connections/useConnections";
import { FeedPicker } from "../../edit/form/FeedPicker";
import { FEEDS, useOffers } from "../../edit/form/useOffers";
import { KINDS, kindOf } from "../../edit/values";
import { Failed } from "../../shared/Failed";
import { changeFeeds } from "./changeFeeds";

/** Adds segments, datasets or entities to an export: those that its connection accepts. */
export const AddFeeds = ({ detail, onClose }: { detail: ExportDetail; onClose: () => void }) => {
  const [chosen, setChosen] = useState<string[]>([]);
  const kind = kindOf(detail.values);
  const label = FEEDS[KINDS[kind].feeds];
  const connection = useConnections().data?.find(({ name }) => name === detail.row.connection);
  const { offers, query } = useOffers(kind, connection, detail.values.over_limit === "split");
  const there = new Set(detail.feeds.map(({ name }) => name));
  return (
    <ActionDialog
      act={() => changeFeeds(detail, { add: chosen, remove: [] })}
      onClose={onClose}
      past="changed"
      ready={chosen.length > 0}
      size="lg"
      title={`Add ${label.toLowerCase()} to ${detail.row.name}`}
      verb="Add"
      writes
    >
      {offers ? (
        <FeedPicker chosen={chosen} label={label} offers={offers.filter(({ name }) => !there.has(name))} onChange={setChosen} />
      ) : (
        <Failed query={query} what="Reading the catalog" />
      )}
    </ActionDialog>
  );
};
