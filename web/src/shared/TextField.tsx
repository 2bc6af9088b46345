import { Field, Input, type InputProps } from "@chakra-ui/react";

import { Prose } from "./Prose";

interface Props extends Omit<InputProps, "onChange"> {
  /** What is wrong with the text. */
  error?: string;
  help?: string;
  label: string;
  onChange: (value: string) => void;
  value: string;
}

/** A line of text with a label. */
export const TextField = ({ error = "", help = "", label, onChange, required = false, ...rest }: Props) => (
  <Field.Root invalid={error !== ""} required={required}>
    <Field.Label>
      {label}
      <Field.RequiredIndicator />
    </Field.Label>
    <Input
      autoComplete="off"
      onChange={(event) => {
        onChange(event.target.value);
      }}
      {...rest}
    />
    {error ? <Field.ErrorText>{error}</Field.ErrorText> : undefined}
    {help ? <Field.HelperText><Prose text={help} /></Field.HelperText> : undefined}
  </Field.Root>
);
