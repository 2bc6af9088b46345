import { CloseButton, Dialog as Chakra, Portal } from "@chakra-ui/react";
import { type ReactNode, useLayoutEffect } from "react";

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

/** What had the focus before the dialog that was opened last. */
let before: Element | null = null;
/** The frame in which the focus goes back. */
let back = 0;

/**
 * Gives the focus back to what had it before. Chakra does so only for a dialog that is closed before it is removed.
 * A dialog that replaces another one, as when what it shows was read, gives it back to what had it before that one.
 * It looks as soon as the dialog is drawn: an effect that runs later may find the focus in the dialog already.
 */
const useFocusBack = () => {
  useLayoutEffect(() => {
    cancelAnimationFrame(back);
    const opener = document.activeElement === document.body ? before : document.activeElement;
    before = opener;
    return () => {
      back = requestAnimationFrame(() => {
        if (opener instanceof HTMLElement && document.activeElement === document.body) opener.focus();
      });
    };
  }, []);
};
