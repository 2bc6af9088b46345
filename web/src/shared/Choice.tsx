import { Field, NativeSelect } from "@chakra-ui/react";

import { Prose } from "./Prose";

interface Props<T extends string> {
  help?: string;
  label: string;
  onChange: (value: T) => void;
  options: readonly (readonly [value: T, title: string])[];
  value: T;
}

/** One of a few values, with a label. */
export const Choice = <T extends string>({ help = "", label, onChange, options, value }: Props<T>) => (
  <Field.Root>
    <Field.Label>{label}</Field.Label>
    <NativeSelect.Root>
      <NativeSelect.Field
        onChange={(event) => {
          onChange(event.target.value as T);
        }}
        value={value}
      >
        {options.map(([one, title]) => (
          <option key={one} value={one}>{title}</option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
    {help ? <Field.HelperText><Prose text={help} /></Field.HelperText> : undefined}
  </Field.Root>
);
