import { Box, Button, CloseButton, Drawer, Portal, Stack, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import type { ExportRow } from "../api/types";
import { useExport } from "../api/useExport";
import { ProblemPanel } from "../shared/ProblemPanel";
import { paths } from "../shell/paths";

/** Why a declaration does not load, with the file and line, and the way to its text. */
export const BrokenDrawer = ({ onClose, row }: { onClose: () => void; row: ExportRow }) => {
  const detail = useExport(row.name);
  const errors = detail.data?.errors ?? [];
  return (
    <Drawer.Root
      onOpenChange={({ open }) => {
        if (!open) onClose();
      }}
      open
      size="lg"
    >
      <Portal>
        <Drawer.Backdrop />
        <Drawer.Positioner>
          <Drawer.Content>
            <Drawer.Header pr={12}>
              <Drawer.Title>{row.name} does not load</Drawer.Title>
            </Drawer.Header>
            <Drawer.Body>
              <Stack gap={4}>
                <Text>It does not run until its declaration is corrected. What it delivered before stays.</Text>
                {errors.length > 0 ? (
                  errors.map((error) => <ProblemPanel error={error} key={error.page} />)
                ) : (
                  <Box as="pre" bg="bg.muted" borderRadius="md" fontSize="xs" overflow="auto" p={3} whiteSpace="pre-wrap">
                    {row.why}
                  </Box>
                )}
              </Stack>
            </Drawer.Body>
            <Drawer.Footer>
              <Button asChild>
                <Link to={paths.export(row.name, "edit")}>{row.may === "edit" ? "Edit the declaration" : "View the declaration"}</Link>
              </Button>
            </Drawer.Footer>
            <Drawer.CloseTrigger asChild>
              <CloseButton aria-label="Close" size="sm" />
            </Drawer.CloseTrigger>
          </Drawer.Content>
        </Drawer.Positioner>
      </Portal>
    </Drawer.Root>
  );
};
