import { count } from "../../shared/amount";
import { Choice } from "../../shared/Choice";
import { text } from "../values";
import { useChosenConnection } from "./ConnectionPart";
import { useValue } from "./useValue";

const OPTIONS = [
  ["", "skip: the run is skipped (default)"],
  ["split", "split: the segment is delivered as several, name, name-2, name-3"],
] as const;

/** What happens to a segment over the target's limit. Offered only if the target takes a segment as several. */
export const OverLimitPart = () => {
  const [value, change] = useValue("over_limit");
  const connection = useChosenConnection();
  const most = connection?.records_per_segment;
  const chosen = text(value) === "skip" ? "" : text(value);
  if (!connection?.split_segments && chosen === "") return null;
  return (
    <Choice<string>
      help={typeof most === "number" ? `The limit is ${count(most)} records per segment.` : ""}
      label="Segments over the limit"
      onChange={change}
      options={OPTIONS}
      value={chosen}
    />
  );
};
