import { Link as ChakraLink } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { Link } from "react-router-dom";

/** A link by the host's router: to this page, or to Airflow's own (`dags/x/runs/y`). */
export const HostLink = ({ children, to }: { children: ReactNode; to: string }) => (
  <ChakraLink asChild color="fg.info" overflowWrap="anywhere">
    <Link to={to.startsWith("/") ? to : `/${to}`}>{children}</Link>
  </ChakraLink>
);
