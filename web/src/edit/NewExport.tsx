import { useSearchParams } from "react-router-dom";

import { paths } from "../shell/paths";
import { DraftPage } from "./DraftPage";
import type { Values } from "./values";

/** Creates an export. The catalog may have chosen what it delivers, or where to: `?connection=`, `?segment=`, `?dataset=`. */
const NewExport = () => {
  const [query] = useSearchParams();
  return <DraftPage back={paths.list} start={startOf(query)} title="New export" />;
};

const startOf = (query: URLSearchParams): Values => {
  const [segments, datasets, connection] = [query.getAll("segment"), query.getAll("dataset"), query.get("connection")];
  return {
    kind: datasets.length > 0 || query.get("kind") === "dataset-export" ? "dataset-export" : "segment-export",
    ...(connection ? { connection } : {}),
    ...(datasets.length > 0 ? { datasets } : {}),
    ...(segments.length > 0 ? { segments } : {}),
  };
};

export default NewExport;
