import { Toaster, Toast, createToaster, Stack } from "@chakra-ui/react";

const toaster = createToaster({ pauseOnPageIdle: true, placement: "bottom-end" });

/** Says that something was done. Screen readers read it out. */
export const notify = (title: string, description = "") => {
  toaster.create({ closable: true, description, duration: 6000, title, type: "success" });
};

/** Where the notices appear: once in the page. */
export const Notices = () => (
  <Toaster insetInline={{ mdDown: "4" }} toaster={toaster}>
    {(toast) => (
      <Toast.Root width={{ md: "sm" }}>
        <Toast.Indicator />
        <Stack flex="1" gap={1} maxW="full">
          {toast.title ? <Toast.Title>{toast.title}</Toast.Title> : undefined}
          {toast.description ? <Toast.Description>{toast.description}</Toast.Description> : undefined}
        </Stack>
        {toast.closable ? <Toast.CloseTrigger aria-label="Close" /> : undefined}
      </Toast.Root>
    )}
  </Toaster>
);
