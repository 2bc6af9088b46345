import { RadioGroup, Stack, Text } from "@chakra-ui/react";

interface Props<T extends string> {
  label: string;
  onChange: (value: T) => void;
  options: readonly { help?: string; title: string; value: T }[];
  value: T;
}

/** One of a few ways, each with a line that says what it does. */
export const Radios = <T extends string>({ label, onChange, options, value }: Props<T>) => (
  <RadioGroup.Root
    aria-label={label}
    colorPalette="brand"
    onValueChange={(chosen) => {
      onChange(chosen.value as T);
    }}
    value={value}
  >
    <Stack gap={3}>
      {options.map(({ help, title, value: one }) => (
        <RadioGroup.Item alignItems="flex-start" key={one} value={one}>
          <RadioGroup.ItemHiddenInput />
          <RadioGroup.ItemIndicator mt={1} />
          <RadioGroup.ItemText>
            {title}
            {help ? <Text color="fg.muted" fontSize="sm" fontWeight="normal">{help}</Text> : undefined}
          </RadioGroup.ItemText>
        </RadioGroup.Item>
      ))}
    </Stack>
  </RadioGroup.Root>
);
