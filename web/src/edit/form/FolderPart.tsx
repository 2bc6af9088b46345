import { Button, Field, Input, Stack, Text, Wrap } from "@chakra-ui/react";
import { useRef } from "react";

import { Hint } from "../../shared/Hint";
import { text } from "../values";
import { FILE_MACROS, MACROS } from "./macros";
import { useValue } from "./useValue";

/** The folder and the names of the files, with macros to click. The side shows what they become. */
export const FolderPart = () => (
  <Stack gap={4}>
    <Template help="Below the connection's folder. Empty: the default of the kind." label="Folder" macros={MACROS} name="folder" />
    <Template help="Without its extension. Empty: part-00000-tid-..." label="File name" macros={{ ...FILE_MACROS, ...MACROS }} name="file" />
  </Stack>
);

const Template = ({ help, label, macros, name }: { help: string; label: string; macros: Record<string, string>; name: string }) => {
  const [value, change] = useValue(name);
  const input = useRef<HTMLInputElement>(null);
  const insert = (macro: string) => {
    const element = input.current;
    const [from, to] = [element?.selectionStart ?? text(value).length, element?.selectionEnd ?? text(value).length];
    change(`${text(value).slice(0, from)}%${macro}%${text(value).slice(to)}`);
    element?.focus();
  };
  return (
    <Stack gap={2}>
      <Field.Root>
        <Field.Label>{label}</Field.Label>
        <Input
          autoComplete="off"
          fontFamily="mono"
          onChange={(event) => {
            change(event.target.value);
          }}
          ref={input}
          value={text(value)}
        />
        <Field.HelperText>{help}</Field.HelperText>
      </Field.Root>
      <Text color="fg.muted" fontSize="xs">Insert:</Text>
      <Wrap aria-label={`Macros of ${label.toLowerCase()}`} gap={1} role="group">
        {Object.entries(macros).map(([macro, says]) => (
          <Hint key={macro} says={says}>
            <Button
              fontFamily="mono"
              onClick={() => {
                insert(macro);
              }}
              size="2xs"
              variant="outline"
            >
              %{macro}%
            </Button>
          </Hint>
        ))}
      </Wrap>
    </Stack>
  );
};
