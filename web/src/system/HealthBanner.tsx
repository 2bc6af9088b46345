import { Alert } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";

import { request } from "../api/request";
import { Icon } from "../shared/Icon";

const EVERY = 30_000;
/** What stops working without each component. */
const SAYS: Record<string, string> = {
  dag_processor: "Airflow's DAG processor does not run: changes of exports are not picked up.",
  metadatabase: "Airflow's database does not answer.",
  scheduler: "Airflow's scheduler does not run: no run starts, and runs in progress stand still.",
  triggerer: "Airflow's triggerer does not run: runs that wait for a refresh go on waiting.",
};

/** Says at the top of every page that a component of Airflow is down. */
export const HealthBanner = () => {
  const { data } = useQuery({
    queryFn: ({ signal }) => request({ method: "GET", signal, url: "api/v2/monitor/health" }) as Promise<Record<string, { status?: string | null } | null>>,
    queryKey: ["health"],
    refetchInterval: EVERY,
  });
  const down = Object.keys(SAYS).filter((component) => data?.[component]?.status === "unhealthy");
  return down.map((component) => (
    <Alert.Root flexShrink={0} key={component} role="alert" status="error">
      <Icon name="warning" />
      <Alert.Title>{SAYS[component]}</Alert.Title>
    </Alert.Root>
  ));
};
