import { Box, HStack } from "@chakra-ui/react";
import { NavLink } from "react-router-dom";

import { paths } from "../shell/paths";

/** The tabs of an export: links, so that each has an address. */
export const ExportTabs = ({ name }: { name: string }) => (
  <HStack aria-label={name} as="nav" borderBottomWidth={1} flexShrink={0} gap={0} overflowX="auto" overflowY="hidden">
    <Tab end name="Overview" to={paths.export(name)} />
    <Tab name="Progress" to={paths.export(name, "runs")} />
    <Tab name="History" to={paths.export(name, "history")} />
    <Tab name="Timeline" to={paths.export(name, "timeline")} />
  </HStack>
);

const Tab = ({ end = false, name, to }: { end?: boolean; name: string; to: string }) => (
  <NavLink end={end} to={to}>
    {({ isActive }) => (
      <Box
        borderBottomColor={isActive ? "blue.solid" : "transparent"}
        borderBottomWidth={3}
        color={isActive ? "fg" : "fg.muted"}
        fontWeight="semibold"
        mb="-1px"
        px={4}
        py={2}
        whiteSpace="nowrap"
      >
        {name}
      </Box>
    )}
  </NavLink>
);
