import { List, Text } from "@chakra-ui/react";

import { ActionDialog, type ActionProps } from "../../actions/ActionDialog";
import type { ExportDetail } from "../../api/types";
import { FEEDS } from "../../edit/form/useOffers";
import { KINDS, kindOf } from "../../edit/values";
import { changeFeeds } from "./changeFeeds";

/** Removes segments, datasets or entities from an export. */
export const RemoveFeeds = ({ detail, names, ...rest }: ActionProps & { detail: ExportDetail; names: string[] }) => {
  const word = FEEDS[KINDS[kindOf(detail.values)].feeds].toLowerCase();
  return (
    <ActionDialog
      {...rest}
      act={() => changeFeeds(detail, { add: [], remove: names })}
      danger
      past="changed"
      title={`Remove ${word} from ${detail.row.name}?`}
      verb="Remove"
      writes
    >
      <Text>{`The next run does not deliver these ${word}. Earlier deliveries stay.`}</Text>
      <List.Root ps={5}>
        {names.map((name) => <List.Item key={name}>{name}</List.Item>)}
      </List.Root>
    </ActionDialog>
  );
};
