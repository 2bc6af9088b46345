import { Hint } from "./Hint";
import { local, relative, utc } from "./moment";
import { useMinute } from "./useMinute";

interface Props {
  at: string | null | undefined;
  /** What is shown: how long ago, or the local time. */
  as?: "local" | "relative";
  /** Whether the keyboard reaches the hint. */
  focusable?: boolean;
  /** Shown if there is no time. */
  none?: string;
}

/** A time in the browser's time zone; the hint has all of it, and UTC. */
export const Time = ({ as = "relative", at, focusable = false, none = "" }: Props) => {
  useMinute();
  if (!at) return none;
  const date = new Date(at);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const says = `${local(date)} ${zone}\n${utc(date)}${as === "local" ? `\n${relative(date)}` : ""}`;
  return (
    <Hint focusable={focusable} says={says}>
      <time dateTime={at} style={{ whiteSpace: "nowrap" }}>
        {as === "local" ? local(date) : relative(date)}
      </time>
    </Hint>
  );
};
