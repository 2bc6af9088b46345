import { Badge, Button, Menu, Portal, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

import { Icon, type IconName } from "../shared/Icon";
import { count } from "../shared/amount";

interface Option {
  count?: number;
  label: ReactNode;
  value: string;
}

interface Props {
  chosen: string[];
  icon?: IconName;
  onChoose: (values: string[]) => void;
  options: Option[];
  /** Whether all are chosen at first, as with columns, so that their number says nothing. */
  quiet?: boolean;
  title: string;
}

/** A menu of values that are switched on and off. It stays open meanwhile. */
export const FilterMenu = ({ chosen, icon, onChoose, options, quiet = false, title }: Props) => (
  <Menu.Root closeOnSelect={false} lazyMount positioning={{ placement: "bottom-start" }} unmountOnExit>
    <Menu.Trigger asChild>
      <Button variant={chosen.length > 0 && !quiet ? "subtle" : "outline"}>
        {icon ? <Icon name={icon} /> : undefined}
        {title}
        {chosen.length > 0 && !quiet ? <Badge size="xs">{chosen.length}</Badge> : undefined}
        <Icon name="chevronDown" size="1em" />
      </Button>
    </Menu.Trigger>
    <Portal>
      <Menu.Positioner>
        <Menu.Content maxH="60vh" minW="14rem" overflowY="auto">
          {options.map((option) => (
            <Menu.CheckboxItem
              checked={chosen.includes(option.value)}
              key={option.value}
              onCheckedChange={(on) => {
                onChoose(on ? [...chosen, option.value] : chosen.filter((one) => one !== option.value));
              }}
              value={option.value}
            >
              <Menu.ItemIndicator>
                <Icon name="check" />
              </Menu.ItemIndicator>
              <Text flex={1}>{option.label}</Text>
              {option.count === undefined ? undefined : <Text color="fg.muted">{count(option.count)}</Text>}
            </Menu.CheckboxItem>
          ))}
          {options.length === 0 ? <Text color="fg.muted" p={2}>There are none.</Text> : undefined}
        </Menu.Content>
      </Menu.Positioner>
    </Portal>
  </Menu.Root>
);
