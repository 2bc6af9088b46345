import { CheckboxCard, Fieldset, HStack } from "@chakra-ui/react";

interface Props {
  help?: string;
  label: string;
  onChange: (values: string[]) => void;
  options: readonly string[];
  values: string[];
}

/** Some of a few values, as small cards to tick. */
export const Ticks = ({ help = "", label, onChange, options, values }: Props) => (
  <Fieldset.Root>
    <Fieldset.Legend fontSize="sm">{label}</Fieldset.Legend>
    <HStack flexWrap="wrap" gap={2}>
      {options.map((option) => (
        <CheckboxCard.Root
          checked={values.includes(option)}
          flex="none"
          key={option}
          onCheckedChange={({ checked }) => {
            onChange(checked === true ? [...values, option] : values.filter((one) => one !== option));
          }}
          size="sm"
        >
          <CheckboxCard.HiddenInput />
          <CheckboxCard.Control px={2} py={1}>
            <CheckboxCard.Label>{option}</CheckboxCard.Label>
            <CheckboxCard.Indicator />
          </CheckboxCard.Control>
        </CheckboxCard.Root>
      ))}
    </HStack>
    {help ? <Fieldset.HelperText>{help}</Fieldset.HelperText> : undefined}
  </Fieldset.Root>
);
