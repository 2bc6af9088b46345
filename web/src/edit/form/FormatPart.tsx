import { SimpleGrid, Stack } from "@chakra-ui/react";

import { Choice } from "../../shared/Choice";
import { TextField } from "../../shared/TextField";
import { mapping, text, type Values } from "../values";
import { useValue } from "./useValue";

type Options = readonly (readonly [value: string, title: string])[];

const TYPES: Options = [
  ["", "The connection's own"],
  ["csv", "Delimited text (CSV)"],
  ["json", "NDJSON"],
  ["parquet", "Parquet"],
  ["template", "Text by a template"],
];
/** The first of each list is the default. */
const LISTS: Record<string, [key: string, label: string, values: string[]][]> = {
  csv: [
    ["compression", "Compression", ["gzip", "none"]],
    ["quoting", "Quoting", ["minimal", "non-numeric", "all", "none"]],
    ["encoding", "Encoding", ["utf-8", "utf-8-bom", "utf-16", "latin-1", "windows-1252"]],
    ["line_end", "Line ending", ["lf", "crlf"]],
    ["header", "Header line", ["true", "false"]],
  ],
  json: [["compression", "Compression", ["gzip", "none"]]],
  parquet: [["compression", "Compression", ["gzip", "snappy", "zstd", "none"]]],
  template: [["compression", "Compression", ["none", "gzip"]]],
};
const TEXTS: Record<string, [key: string, label: string, help: string][]> = {
  csv: [
    ["delimiter", "Delimiter", "Default: a comma. Write tab for a tab."],
    ["null", "Token for null", "Default: empty."],
  ],
  template: [["template", "Template", "The text of one row, such as %1%\\t%2%\\r\\n"]],
};

/** The file format with its options. What is left at its default is not written. */
export const FormatPart = () => {
  const [value, change] = useValue("format");
  const format = mapping(value);
  const type = text(format.type);
  const set = (key: string, next: unknown) => {
    change({ ...format, [key]: next });
  };
  return (
    <Stack gap={4}>
      <Choice label="Format" onChange={(next) => { change(next ? { type: next } : undefined); }} options={TYPES} value={type} />
      <SimpleGrid columns={{ base: 1, sm: 2 }} gap={4}>
        {(TEXTS[type] ?? []).map(([key, label, help]) => (
          <TextField fontFamily="mono" help={help} key={key} label={label} onChange={(next) => { set(key, next); }} value={text(format[key])} />
        ))}
        {(LISTS[type] ?? []).map(([key, label, values]) => (
          <Listed format={format} key={key} label={label} name={key} onChange={set} values={values} />
        ))}
      </SimpleGrid>
    </Stack>
  );
};

interface ListedProps {
  format: Values;
  label: string;
  name: string;
  onChange: (key: string, value: unknown) => void;
  values: string[];
}

const Listed = ({ format, label, name, onChange, values }: ListedProps) => {
  const [usual = ""] = values;
  const found = format[name];
  return (
    <Choice
      label={label}
      onChange={(next) => {
        onChange(name, next === usual ? undefined : typed(next));
      }}
      options={values.map((one) => [one, one === usual ? `${says(one)} (default)` : says(one)] as const)}
      value={found === undefined ? usual : String(found as boolean | string)}
    />
  );
};

const typed = (value: string): boolean | string => (value === "true" || value === "false" ? value === "true" : value);
const says = (value: string): string => ({ false: "no", true: "yes" })[value] ?? value;
