import { Badge, Wrap } from "@chakra-ui/react";

import { Icon } from "../shared/Icon";

/** Airflow's components. */
export const Health = ({ health }: { health: Record<string, string> }) => (
  <Wrap aria-label="Health of Airflow" gap={2} role="list">
    {Object.entries(health).map(([component, state]) => (
      <Badge colorPalette={state === "healthy" ? "success" : "failed"} key={component} role="listitem" variant="subtle">
        <Icon name={state === "healthy" ? "check" : "warning"} />
        {component.replaceAll("_", " ")}: {state}
      </Badge>
    ))}
  </Wrap>
);
