import { useQuery } from "@tanstack/react-query";

import { ProblemError } from "../api/problem";
import { request } from "../api/request";

/** The type of an Airflow connection; `absent` if Airflow's database has none, `hidden` if the user may not know. */
export const useAirflowConnection = (id: string) =>
  useQuery({
    enabled: id !== "",
    queryFn: ({ signal }) => lookUp(id, signal),
    queryKey: ["airflow connection", id],
  });

/** Whether Airflow has no such connection, as far as the user may know. */
export const isMissing = (found: string): boolean => found === "absent" || found === "hidden";

const lookUp = async (id: string, signal: AbortSignal): Promise<string> => {
  try {
    const found = await request({ method: "GET", signal, url: `api/v2/connections/${encodeURIComponent(id)}` });
    return (found as { conn_type: string }).conn_type;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return "absent";
    if (error instanceof ProblemError) return "hidden";
    throw error;
  }
};
