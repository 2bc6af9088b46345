import { Badge } from "@chakra-ui/react";

import type { ExportStatus, TaskState } from "../api/types";
import { Hint } from "./Hint";
import { Icon, type IconName } from "./Icon";

interface Look {
  icon: IconName;
  /** Of the theme: the same as Airflow's own states have. */
  palette: string;
  spin?: boolean;
}

const UNKNOWN: Look = { icon: "question", palette: "none" };
const LOOKS: Partial<Record<string, Look>> = {
  broken: { icon: "warning", palette: "failed" },
  cancelled: { icon: "stop", palette: "none" },
  differs: { icon: "warning", palette: "failed" },
  detached: { icon: "unplug", palette: "none" },
  failed: { icon: "close", palette: "failed" },
  "failed and will be retried": { icon: "refresh", palette: "up_for_retry" },
  held: { icon: "hand", palette: "awaiting_input" },
  "not started": { icon: "minus", palette: "none" },
  processing: { icon: "spinner", palette: "running", spin: true },
  queued: { icon: "clock", palette: "queued" },
  skipped: { icon: "skip", palette: "skipped" },
  successful: { icon: "check", palette: "success" },
  unverified: { icon: "question", palette: "none" },
  verified: { icon: "check", palette: "success" },
  waiting: { icon: "clock", palette: "deferred" },
} satisfies Record<Exclude<ExportStatus | TaskState, "unknown">, Look>;

interface Props {
  /** A status of the list, or a task's state. Any other word is shown as it is. */
  status: string;
  /** The reason, for a hint. */
  why?: string;
  /** Shown in place of the status. */
  word?: string;
}

/** A status as an icon and a word. */
export const StatusBadge = ({ status, why = "", word = status }: Props) => {
  const { icon, palette, spin = false } = LOOKS[status] ?? UNKNOWN;
  return (
    <Hint says={why}>
      <Badge colorPalette={palette} size="sm" variant="subtle" whiteSpace="nowrap">
        <Icon name={icon} spin={spin} />
        {word}
      </Badge>
    </Hint>
  );
};
