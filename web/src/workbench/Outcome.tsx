import { Code, List, Stack, Tabs, Text } from "@chakra-ui/react";
import { useEffect, useRef } from "react";

import type { Imported, NewFile } from "../api/types";
import { some } from "../shared/amount";
import { DiffLines } from "../shared/DiffLines";
import { Pre } from "../shared/Pre";
import { ProblemPanel } from "../shared/ProblemPanel";
import { Parameters } from "./Parameters";
import { Secrets } from "./Secrets";

/** Files of which the text is shown at once. */
const OPEN = 3;

/** What the files become: every parameter, the declarations, and where the secrets belong. */
export const Outcome = ({ imported, readOnly }: { imported: Imported; readOnly: boolean }) => {
  const { airflow_connections: needed, exports, files, report, unchanged, warnings } = imported;
  const summary = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    summary.current?.focus();
  }, []);
  return (
    <Stack gap={4}>
      <Text outline="none" overflowWrap="anywhere" ref={summary} tabIndex={-1}>
        {some(exports.length, "export")}: {exports.join(", ")}. {some(files.length, "file")} to write. Nothing is written yet.
        {needed.length > 0 ? ` Secrets belong in ${some(needed.length, "Airflow connection")}: see Secrets.` : ""}
        {readOnly ? " Declarations are read-only here: the change comes back as a patch to download." : ""}
      </Text>
      {warnings.map((warning, at) => <ProblemPanel error={warning} key={at} tone="warning" />)}
      <Tabs.Root defaultValue="parameters" size="sm" variant="line">
        <Tabs.List overflowX="auto" overflowY="hidden">
          <Tabs.Trigger value="parameters">{some(report.length, "parameter")}</Tabs.Trigger>
          <Tabs.Trigger value="declarations">Declarations</Tabs.Trigger>
          {needed.length > 0 ? <Tabs.Trigger value="secrets">Secrets</Tabs.Trigger> : undefined}
        </Tabs.List>
        <Tabs.Content value="parameters"><Parameters report={report} /></Tabs.Content>
        <Tabs.Content value="declarations"><Declarations files={files} unchanged={unchanged} /></Tabs.Content>
        <Tabs.Content value="secrets"><Secrets needed={needed} /></Tabs.Content>
      </Tabs.Root>
    </Stack>
  );
};

const Declarations = ({ files, unchanged }: { files: NewFile[]; unchanged: string[] }) => (
  <Stack gap={3}>
    {files.map((one) => (
      <details key={one.file} open={files.length <= OPEN}>
        <summary>{one.file}, {one.new ? "new" : "changed"}</summary>
        {one.new ? <Pre label={one.file} text={one.text} /> : <DiffLines diff={one.text} label={one.file} />}
      </details>
    ))}
    {unchanged.length > 0 ? (
      <Stack gap={1}>
        <Text>There already, and as the import would write them:</Text>
        <List.Root ps={5}>
          {unchanged.map((file) => <List.Item key={file}><Code>{file}</Code></List.Item>)}
        </List.Root>
      </Stack>
    ) : undefined}
  </Stack>
);
