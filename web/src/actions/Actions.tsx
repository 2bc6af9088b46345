import type { ExportRow } from "../api/types";
import type { ActionProps } from "./ActionDialog";
import { AttachDialog } from "./AttachDialog";
import { CancelDialog } from "./CancelDialog";
import { DetachDialog } from "./DetachDialog";
import { DuplicateDialog } from "./DuplicateDialog";
import { ReleaseDialog } from "./ReleaseDialog";
import { RemoveDialog } from "./RemoveDialog";
import { RenameDialog } from "./RenameDialog";
import { RunDialog } from "./RunDialog";
import { ScheduleDialog } from "./ScheduleDialog";
import type { Verb } from "./verbs";

interface Props extends ActionProps {
  rows: ExportRow[];
  verb: Verb;
}

/** The dialog of an action, for some exports. Render it as long as it is open. */
export const Actions = ({ rows, verb, ...rest }: Props) => {
  const [first] = rows;
  switch (verb) {
    case "attach":
      return <AttachDialog rows={rows} {...rest} />;
    case "cancel":
      return <CancelDialog rows={rows} {...rest} />;
    case "detach":
      return <DetachDialog rows={rows} {...rest} />;
    case "duplicate":
      return first ? <DuplicateDialog row={first} {...rest} /> : undefined;
    case "release":
      return <ReleaseDialog rows={rows} {...rest} />;
    case "remove":
      return <RemoveDialog rows={rows} {...rest} />;
    case "rename":
      return first ? <RenameDialog row={first} {...rest} /> : undefined;
    case "run":
      return <RunDialog rows={rows} {...rest} />;
    case "schedule":
      return <ScheduleDialog rows={rows} {...rest} />;
  }
};
