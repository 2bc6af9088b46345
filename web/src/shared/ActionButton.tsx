import { Button, type ButtonProps } from "@chakra-ui/react";

import { Hint } from "./Hint";
import { Icon, type IconName } from "./Icon";

interface Props extends Omit<ButtonProps, "disabled"> {
  icon?: IconName;
  /** Why it can do nothing now; empty if it can. The button stays reachable, so that the reason can be read. */
  whyNot?: string | undefined;
}

/** A button that says why it cannot be used, rather than refusing when it is. */
export const ActionButton = ({ children, icon, onClick, whyNot = "", ...rest }: Props) => (
  <Hint says={whyNot}>
    <Button
      aria-disabled={whyNot ? true : undefined}
      onClick={whyNot ? undefined : onClick}
      variant="outline"
      {...rest}
      {...(whyNot ? { cursor: "not-allowed", opacity: 0.5 } : {})}
    >
      {icon ? <Icon name={icon} /> : undefined}
      {children}
    </Button>
  </Hint>
);
