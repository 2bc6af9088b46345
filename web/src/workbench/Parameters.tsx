import { Badge, Button, SimpleGrid, Stack, Table, Text } from "@chakra-ui/react";
import { useDeferredValue, useState } from "react";

import type { Parameter } from "../api/types";
import { count } from "../shared/amount";
import { Choice } from "../shared/Choice";
import { Icon, type IconName } from "../shared/Icon";
import { Said } from "../shared/Said";
import { Sheet } from "../shared/Sheet";
import { TextField } from "../shared/TextField";

type Verdict = Parameter["verdict"];

const LOOKS: Record<Verdict, { icon: IconName; palette: string; says: string }> = {
  taken: { icon: "check", palette: "success", says: "taken: means the same" },
  changed: { icon: "edit", palette: "up_for_retry", says: "changed: means something else here" },
  secret: { icon: "key", palette: "queued", says: "secret: belongs in an Airflow connection" },
  "left out": { icon: "skip", palette: "skipped", says: "left out: has no counterpart" },
  empty: { icon: "minus", palette: "none", says: "empty" },
};
/** Rows that are shown before someone asks for all: a hundred exports have thousands. */
const AT_FIRST = 200;

/** Every parameter of every file, and how it is imported. */
export const Parameters = ({ report }: { report: Parameter[] }) => {
  const [verdict, setVerdict] = useState<Verdict | "">("");
  const [text, setText] = useState("");
  const [all, setAll] = useState(false);
  const search = useDeferredValue(text.trim().toLowerCase());
  const found = report.filter((one) => (verdict === "" || one.verdict === verdict) && wordsOf(one).includes(search));
  const shown = all ? found : found.slice(0, AT_FIRST);
  return (
    <Stack gap={3}>
      <SimpleGrid columns={{ base: 1, sm: 2 }} gap={4}>
        <Choice label="Show" onChange={setVerdict} options={optionsOf(report)} value={verdict} />
        <TextField label="Search" onChange={setText} placeholder="A file, a parameter or a key" value={text} />
      </SimpleGrid>
      <Text aria-live="polite" color="fg.muted" fontSize="sm">
        {shown.length < found.length ? `The first ${count(shown.length)} of ` : ""}{count(found.length)} shown
      </Text>
      <Sheet heads={["Line", "Parameter", "Result", "Imported as"]} label="Parameters">
        {shown.map((one, at) => <Row key={at} parameter={one} />)}
      </Sheet>
      {shown.length < found.length ? (
        <Button
          alignSelf="start"
          onClick={() => {
            setAll(true);
          }}
          size="sm"
          variant="outline"
        >
          Show all {count(found.length)}
        </Button>
      ) : undefined}
    </Stack>
  );
};

const Row = ({ parameter: { becomes, file, line, parameter, verdict } }: { parameter: Parameter }) => (
  <Table.Row>
    <Table.Cell overflowWrap="anywhere">{file}:{line}</Table.Cell>
    <Table.Cell overflowWrap="anywhere">{parameter}</Table.Cell>
    <Table.Cell>
      <Badge colorPalette={LOOKS[verdict].palette} size="sm" variant="subtle" whiteSpace="nowrap">
        <Icon name={LOOKS[verdict].icon} />
        {verdict}
      </Badge>
    </Table.Cell>
    <Table.Cell minW="14rem" overflowWrap="anywhere" whiteSpace="normal"><Said text={becomes} /></Table.Cell>
  </Table.Row>
);

const wordsOf = ({ becomes, file, line, parameter }: Parameter): string => `${file}:${line} ${parameter} ${becomes}`.toLowerCase();

const optionsOf = (report: Parameter[]): (readonly [Verdict | "", string])[] => [
  ["", `All (${count(report.length)})`],
  ...(Object.keys(LOOKS) as Verdict[]).map(
    (one) => [one, `${LOOKS[one].says} (${count(report.filter(({ verdict }) => verdict === one).length)})`] as const,
  ),
];
