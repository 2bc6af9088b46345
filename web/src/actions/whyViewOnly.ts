import type { ExportRow } from "../api/types";

/** Why the user may only view an export, and what to do about it. */
export const whyViewOnly = (row: ExportRow): string =>
  row.connection
    ? `To edit or run ${row.name}, ask an administrator to share the connection ${row.connection_title || row.connection} with one of your roles.`
    : `${row.name} has no connection that is shared with you: ask an administrator.`;
