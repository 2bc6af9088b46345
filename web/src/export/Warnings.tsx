import { Alert, List } from "@chakra-ui/react";

import { some } from "../shared/amount";
import { Icon } from "../shared/Icon";

/** The warnings of a run. */
export const Warnings = ({ lines }: { lines: string[] }) => (
  <Alert.Root alignItems="flex-start" status="warning">
    <Icon name="warning" />
    <Alert.Content minW={0}>
      <Alert.Title>{some(lines.length, "warning")}</Alert.Title>
      <Alert.Description asChild>
        <List.Root gap={1} ps={4}>
          {lines.map((line) => <List.Item key={line} overflowWrap="anywhere" whiteSpace="pre-line">{line}</List.Item>)}
        </List.Root>
      </Alert.Description>
    </Alert.Content>
  </Alert.Root>
);
