/** What Airflow's UI reads from `globalThis` for plugins. */
declare global {
  /** The component that the host renders. */
  var AirflowPlugin: unknown;
}

export {};
