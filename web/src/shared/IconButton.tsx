import { IconButton as ChakraIconButton, type IconButtonProps } from "@chakra-ui/react";

import { Hint } from "./Hint";
import { Icon, type IconName } from "./Icon";

interface Props extends Omit<IconButtonProps, "aria-label" | "children"> {
  icon: IconName;
  /** Its name, which is also its hint. */
  label: string;
}

/** A button of an icon alone. */
export const IconButton = ({ icon, label, ...rest }: Props) => (
  <Hint says={label}>
    <ChakraIconButton aria-label={label} size="sm" variant="ghost" {...rest}>
      <Icon name={icon} />
    </ChakraIconButton>
  </Hint>
);
