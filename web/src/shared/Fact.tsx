import { Box, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

/** A label above its value, as Airflow's headers have them. */
export const Fact = ({ children, label }: { children: ReactNode; label: string }) => (
  <Box minW={0}>
    <Text as="dt" color="fg.muted" fontSize="xs" fontWeight="bold">{label}</Text>
    <Box as="dd" fontSize="sm" overflowWrap="anywhere">{children}</Box>
  </Box>
);

/** Facts in a row, which wraps. */
export const Facts = ({ children }: { children: ReactNode }) => (
  <Box as="dl" columnGap={10} display="flex" flexWrap="wrap" rowGap={3}>{children}</Box>
);
