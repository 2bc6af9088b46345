import { Heading, Stack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

import { Icon, type IconName } from "./Icon";

interface Props {
  /** What to do next. */
  children?: ReactNode;
  icon?: IconName;
  says?: string;
  title: string;
}

/** There is nothing here, and what to do about it. */
export const Empty = ({ children, icon = "box", says, title }: Props) => (
  <Stack align="center" color="fg.muted" gap={3} px={4} py={12} textAlign="center">
    <Icon name={icon} size="2.5rem" />
    <Heading as="h2" color="fg" size="md">{title}</Heading>
    {says ? <Text maxW="lg">{says}</Text> : undefined}
    {children}
  </Stack>
);
