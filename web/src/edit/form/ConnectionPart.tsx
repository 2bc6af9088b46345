import { Text } from "@chakra-ui/react";

import type { ConnectionView } from "../../api/types";
import { useConnections } from "../../connections/useConnections";
import { count } from "../../shared/amount";
import { Choice } from "../../shared/Choice";
import { Failed } from "../../shared/Failed";
import { text } from "../values";
import { useValue } from "./useValue";

/** The connection of the draft, if the user sees it. */
export const useChosenConnection = (): ConnectionView | undefined => {
  const [chosen] = useValue("connection");
  return useConnections().data?.find(({ name }) => name === chosen);
};

/** Where to deliver: one of the connections that the user may use. */
export const ConnectionPart = () => {
  const [value, change] = useValue("connection");
  const query = useConnections();
  if (!query.data) return <Failed query={query} what="Reading the connections" />;
  const chosen = text(value);
  const usable = query.data.filter(({ may, name }) => may.includes("create-export") || name === chosen);
  const options = usable.map(({ name, title, type }) => [name, `${title || name} (${type || "broken"})`] as const);
  const missing = chosen !== "" && !usable.some(({ name }) => name === chosen);
  return (
    <>
      <Choice
        help={helpOf(query.data.find(({ name }) => name === chosen))}
        label="Connection"
        onChange={change}
        options={[["", "No connection: it is kept, and does not run"] as const, ...options, ...(missing ? [[chosen, `${chosen} (does not exist)`] as const] : [])]}
        value={chosen}
      />
      {usable.length === 0 ? <Text color="fg.muted" fontSize="sm">No connection is shared with you. Ask an administrator.</Text> : undefined}
    </>
  );
};

const helpOf = (connection: ConnectionView | undefined): string => {
  if (!connection) return "";
  const most = connection.records_per_segment;
  const takes = connection.takes.length > 0 ? `Accepts ${connection.takes.join(", ")}. ` : "";
  return `${takes}${typeof most === "number" ? `At most ${count(most)} members per segment.` : ""}`;
};
