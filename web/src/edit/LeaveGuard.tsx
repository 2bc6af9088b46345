import { Text } from "@chakra-ui/react";
import { useEffect, useRef, useState } from "react";

import { ConfirmDialog } from "../shared/ConfirmDialog";

/** Asks before unsaved changes are lost: when a link is followed, by *Back*, and when the tab is closed. The router's own
 * blocker is of no use here: the host mounts the page again when its state changes, and the draft would be lost by asking.
 * So *Back* first meets a second entry of the same page, and the router does not hear of it. */
export const LeaveGuard = ({ changed }: { changed: boolean }) => {
  /** What leaves, once it is confirmed. */
  const [leave, setLeave] = useState<() => void>();
  const allowed = useRef(false);
  useEffect(() => {
    if (!changed) return undefined;
    const onUnload = (event: BeforeUnloadEvent) => {
      event.preventDefault();
    };
    const onClick = (event: MouseEvent) => {
      const found = event.target instanceof Element ? event.target.closest("a") : null;
      if (allowed.current || !found || !leaves(found, event)) return;
      event.preventDefault();
      event.stopPropagation();
      setLeave(() => () => {
        found.click();
      });
    };
    const onBack = (event: PopStateEvent) => {
      if (allowed.current) return;
      event.stopImmediatePropagation();
      stay();
      setLeave(() => () => {
        window.history.go(-2);
      });
    };
    stay();
    window.addEventListener("beforeunload", onUnload);
    window.addEventListener("popstate", onBack, true);
    document.addEventListener("click", onClick, true);
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      window.removeEventListener("popstate", onBack, true);
      document.removeEventListener("click", onClick, true);
    };
  }, [changed]);
  if (!leave) return undefined;
  return (
    <ConfirmDialog
      danger
      onClose={() => {
        setLeave(undefined);
      }}
      onConfirm={() => {
        allowed.current = true;
        leave();
      }}
      title="Leave without saving?"
      verb="Leave"
    >
      <Text>What you have changed here is not saved, and will be lost.</Text>
    </ConfirmDialog>
  );
};

/** Adds a second entry of this page to the tab's history. */
const stay = () => {
  window.history.pushState(window.history.state, "");
};

/** Whether a click on the link shows another page in this tab. */
const leaves = (link: HTMLAnchorElement, event: MouseEvent): boolean =>
  link.href !== "" &&
  (link.target === "" || link.target === "_self") &&
  !link.download &&
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) &&
  link.pathname !== window.location.pathname;
