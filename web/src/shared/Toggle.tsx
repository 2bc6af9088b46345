import { Stack, Switch, Text } from "@chakra-ui/react";

import { Prose } from "./Prose";

interface Props {
  help?: string;
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

/** A switch with a label. */
export const Toggle = ({ help = "", label, on, onChange }: Props) => (
  <Stack gap={1}>
    <Switch.Root
      checked={on}
      colorPalette="brand"
      onCheckedChange={({ checked }) => {
        onChange(checked);
      }}
    >
      <Switch.HiddenInput />
      <Switch.Control />
      <Switch.Label>{label}</Switch.Label>
    </Switch.Root>
    {help ? <Text color="fg.muted" fontSize="sm"><Prose text={help} /></Text> : undefined}
  </Stack>
);
