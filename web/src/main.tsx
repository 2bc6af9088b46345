import { QueryClientProvider } from "@tanstack/react-query";

import { queryClient } from "./api/queryClient";
import { Shell } from "./shell/Shell";

/** The page, as Airflow's UI renders it: in its router and its theme. */
const Page = () => (
  <QueryClientProvider client={queryClient}>
    <Shell />
  </QueryClientProvider>
);

globalThis.AirflowPlugin = Page;
