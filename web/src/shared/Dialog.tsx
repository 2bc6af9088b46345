import { CloseButton, Dialog as Chakra, Portal } from "@chakra-ui/react";
import { type ReactNode, useEffect } from "react";

interface Props {
  children: ReactNode;
  /** The buttons. */
  footer?: ReactNode;
  onClose: () => void;
  role?: "alertdialog" | "dialog";
  size?: "lg" | "md" | "sm" | "xl";
  title: ReactNode;
}

/** A dialog, shown as long as it is rendered. Escape and its cross close it. The focus then goes back. */
export const Dialog = ({ children, footer, onClose, role = "dialog", size = "md", title }: Props) => {
  useFocusBack();
  return (
    <Chakra.Root
      lazyMount
      onOpenChange={({ open }) => {
        if (!open) onClose();
      }}
      open
      role={role}
      scrollBehavior="inside"
      size={size}
    >
      <Portal>
        <Chakra.Backdrop />
        <Chakra.Positioner px={2}>
          <Chakra.Content>
            <Chakra.Header pr={12}>
              <Chakra.Title overflowWrap="anywhere">{title}</Chakra.Title>
            </Chakra.Header>
            <Chakra.Body>{children}</Chakra.Body>
            {footer ? <Chakra.Footer flexWrap="wrap">{footer}</Chakra.Footer> : undefined}
            <Chakra.CloseTrigger asChild>
              <CloseButton aria-label="Close" size="sm" />
            </Chakra.CloseTrigger>
          </Chakra.Content>
        </Chakra.Positioner>
      </Portal>
    </Chakra.Root>
  );
};

/** Gives the focus back to what had it before. Chakra does so only for a dialog that is closed before it is removed. */
const useFocusBack = () => {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      requestAnimationFrame(() => {
        if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
      });
    };
  }, []);
};
