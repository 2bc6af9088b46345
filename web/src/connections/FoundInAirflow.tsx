import { Text } from "@chakra-ui/react";

import { Icon } from "../shared/Icon";

/** Whether Airflow has a connection. `found` is its type, `absent` or `hidden`. */
export const FoundInAirflow = ({ found }: { found: string }) => (
  <Text aria-live="polite" color="fg.muted" fontSize="sm">
    <Icon name={found === "absent" ? "warning" : "check"} /> {says(found)}
  </Text>
);

const says = (found: string): string => {
  if (found === "absent") return "Airflow's database has none of this name. It may be in the environment or a secrets backend.";
  return found === "hidden" ? "You may not see Airflow's connections." : `Airflow has it, of type ${found}.`;
};
