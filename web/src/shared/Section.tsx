import { Flex, Heading, Stack } from "@chakra-ui/react";
import { type ReactNode, useId } from "react";

interface Props {
  /** Buttons at the right of the heading. */
  actions?: ReactNode;
  children: ReactNode;
  title: ReactNode;
}

/** A part of a page under its own heading. */
export const Section = ({ actions, children, title }: Props) => {
  const id = useId();
  return (
    <Stack aria-labelledby={id} as="section" gap={2} minW={0}>
      <Flex align="center" flexWrap="wrap" gap={2} justify="space-between">
        <Heading as="h2" id={id} size="sm">{title}</Heading>
        {actions}
      </Flex>
      {children}
    </Stack>
  );
};
