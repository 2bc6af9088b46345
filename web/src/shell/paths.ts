/** The addresses within the page. Airflow serves it below `plugin/exports`. */
const ROOT = "/plugin/exports";

export const paths = {
  activity: `${ROOT}/activity`,
  catalog: `${ROOT}/catalog`,
  connections: `${ROOT}/connections`,
  /** `tab`: `history`, `timeline`, `edit`, or a run: `runs/<id>`. */
  export: (name: string, tab = "") => `${ROOT}/e/${encodeURIComponent(name)}${tab && `/${tab}`}`,
  list: ROOT,
  newExport: `${ROOT}/new`,
  run: (name: string, run: string) => paths.export(name, `runs/${encodeURIComponent(run)}`),
  system: `${ROOT}/system`,
  usage: `${ROOT}/usage`,
};
