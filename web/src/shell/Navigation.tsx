import { Box, HStack } from "@chakra-ui/react";
import { NavLink } from "react-router-dom";

import { useMe } from "../api/useMe";
import { paths } from "./paths";

/** The parts of the page. */
export const Navigation = () => {
  const me = useMe();
  const parts = [
    { name: "Exports", to: paths.list },
    { name: "System status", to: paths.system },
    { name: "Catalog", to: paths.catalog },
    { name: "Connections", to: paths.connections },
    { name: "Usage", to: paths.usage },
    ...(me?.may.includes("view-audit") ? [{ name: "Activity", to: paths.activity }] : []),
  ];
  return (
    <HStack aria-label="Exports" as="nav" borderBottomWidth={1} flexShrink={0} gap={0} overflowX="auto">
      {parts.map(({ name, to }) => (
        <Part key={to} name={name} to={to} />
      ))}
    </HStack>
  );
};

const Part = ({ name, to }: { name: string; to: string }) => (
  <NavLink end={to === paths.list} to={to}>
    {({ isActive }) => (
      <Box
        borderBottomColor={isActive ? "blue.solid" : "transparent"}
        borderBottomWidth={3}
        color={isActive ? "fg" : "fg.muted"}
        fontWeight="semibold"
        px={3}
        py={2}
        whiteSpace="nowrap"
      >
        {name}
      </Box>
    )}
  </NavLink>
);
