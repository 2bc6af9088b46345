import { HStack, Spinner, Text } from "@chakra-ui/react";

/** Something is being read. */
export const Loading = ({ what = "Loading" }: { what?: string }) => (
  <HStack aria-live="polite" color="fg.muted" p={4} role="status">
    <Spinner size="sm" />
    <Text>{what}</Text>
  </HStack>
);
