import { Field, NativeSelect } from "@chakra-ui/react";
import { useNavigate } from "react-router-dom";

import type { RunRow } from "../../api/types";
import { local } from "../../shared/moment";
import { paths } from "../../shell/paths";
import { useHistoryPage } from "../history/useHistoryPage";

/** Which run is shown: one of the last, or the one of the address. */
export const RunSelect = ({ name, run }: { name: string; run: string }) => {
  const navigate = useNavigate();
  const { data } = useHistoryPage(name, 0);
  const rows = data?.rows ?? [];
  const known = rows.some((row) => row.run === run);
  return (
    <Field.Root alignItems="center" flexDirection="row" gap={3} maxW="36rem">
      <Field.Label whiteSpace="nowrap">Run</Field.Label>
      <NativeSelect.Root size="sm">
        <NativeSelect.Field onChange={(event) => void navigate(paths.run(name, event.currentTarget.value))} value={run}>
          {known ? undefined : <option value={run}>{run}</option>}
          {rows.map((row) => (
            <option key={`${row.run} ${row.flow_run_id}`} value={row.run}>{titleOf(row)}</option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </Field.Root>
  );
};

const titleOf = ({ mode, run, started, status }: RunRow): string =>
  `${started ? local(new Date(started)) : run}, ${status}${mode ? `, ${mode}` : ""}`;
