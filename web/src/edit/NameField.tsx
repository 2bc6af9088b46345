import { Field, Input } from "@chakra-ui/react";

const NAME = /^[a-z][a-z0-9_-]{0,99}$/u;

/** Why a name cannot be used; empty if it can. */
export const wrongName = (name: string): string => {
  if (name === "") return "Give it a name";
  return NAME.test(name) ? "" : "Use lower-case letters, digits, _ and -, starting with a letter; at most 100";
};

/** The name of a new export. */
export const NameField = ({ name, onChange }: { name: string; onChange: (name: string) => void }) => (
  <Field.Root invalid={name !== "" && wrongName(name) !== ""} required>
    <Field.Label>Name <Field.RequiredIndicator /></Field.Label>
    <Input
      autoComplete="off"
      fontFamily="mono"
      onChange={(event) => {
        onChange(event.currentTarget.value.trim());
      }}
      placeholder="spring-campaign"
      size="sm"
      value={name}
    />
    <Field.HelperText>Its file and its DAG have this name. It appears in paths, and is hard to change later.</Field.HelperText>
    <Field.ErrorText>{wrongName(name)}</Field.ErrorText>
  </Field.Root>
);
