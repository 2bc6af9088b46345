import { useController, useFormContext, useWatch } from "react-hook-form";

import type { Values } from "../values";

/** One key of the declaration, and how to change it. */
export const useValue = (key: string): [unknown, (value: unknown) => void] => {
  const { control } = useFormContext<Values>();
  const { field } = useController({ control, name: key });
  return [field.value, field.onChange];
};

/** The whole declaration as the form has it. */
export const useValues = (): Values => {
  const { control } = useFormContext<Values>();
  return useWatch({ control });
};
