import { SimpleGrid, Stack, Text } from "@chakra-ui/react";

import type { DestinationType } from "../api/types";
import { Choice } from "../shared/Choice";
import { TextField } from "../shared/TextField";
import { AirflowConnection } from "./AirflowConnection";
import { fits, KeyField, listOf, textOf } from "./KeyField";

export type Values = Record<string, unknown>;

interface Props {
  destinations: DestinationType[];
  onChange: (values: Values) => void;
  values: Values;
}

/** The keys of a connection: those of every connection, and those of its destination's type. */
export const ConnectionForm = ({ destinations, onChange, values }: Props) => {
  const destination = destinations.find(({ type }) => type === values.type);
  const change = (name: string, value: unknown) => {
    onChange(withKey(values, name, value));
  };
  const hidden = destination?.keys.filter((spec) => !fits(spec, values[spec.name])) ?? [];
  return (
    <Stack gap={4}>
      <Choice
        help={destination?.says ?? ""}
        label="Type"
        onChange={(type) => {
          change("type", type);
        }}
        options={[["", "Choose a type"], ...destinations.map(({ title, type }) => [type, `${title} (${type})`] as const)]}
        value={textOf(values.type)}
      />
      <TextField
        help="The name that people read. Default: the connection's name."
        label="Title"
        onChange={(title) => {
          change("title", title || undefined);
        }}
        value={textOf(values.title)}
      />
      {destination?.keys
        .filter(({ name }) => name === "airflow_conn_id")
        .map((spec) => (
          <AirflowConnection
            connTypes={destination.conn_types}
            key={spec.name}
            onChange={(id) => {
              change(spec.name, id || undefined);
            }}
            required={spec.required}
            value={textOf(values[spec.name])}
          />
        ))}
      <SimpleGrid columns={{ base: 1, md: 2 }} gap={4}>
        {destination?.keys
          .filter((spec) => spec.name !== "airflow_conn_id" && fits(spec, values[spec.name]))
          .map((spec) => (
            <KeyField
              key={spec.name}
              onChange={(value) => {
                change(spec.name, value);
              }}
              spec={spec}
              value={values[spec.name]}
            />
          ))}
      </SimpleGrid>
      <TextField
        help="The roles of contributors, with commas between them. Administrators always have it."
        label="Shared with"
        onChange={(text) => {
          change("shared_with", text ? listOf(text) : undefined);
        }}
        placeholder="marketing-ops"
        value={textOf(values.shared_with)}
      />
      {hidden.length > 0 ? (
        <Text color="fg.muted" fontSize="sm">
          Edit as YAML to change {hidden.map(({ name }) => name).join(", ")}.
        </Text>
      ) : undefined}
    </Stack>
  );
};

const withKey = (values: Values, name: string, value: unknown): Values =>
  value === undefined ? Object.fromEntries(Object.entries(values).filter(([key]) => key !== name)) : { ...values, [name]: value };
