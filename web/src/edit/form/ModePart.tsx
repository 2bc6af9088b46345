import { Choice } from "../../shared/Choice";
import { kindOf, text } from "../values";
import { useValue, useValues } from "./useValue";

const SAYS = {
  changes: "what was added, changed and removed since the last delivery",
  full: "everything, each time",
  incremental: "what was added since the last delivery",
} as const;

/** How much a run delivers. */
export const ModePart = () => {
  const [value, change] = useValue("mode");
  const kind = kindOf(useValues());
  const usual = kind === "dataset-export" ? "incremental" : "full";
  const modes = kind === "segment-export" ? (["full", "changes"] as const) : (["full", "incremental", "changes"] as const);
  const options = modes.map((mode) => [mode === usual ? "" : mode, `${mode}: ${SAYS[mode]}${mode === usual ? " (default)" : ""}`] as const);
  return <Choice<string> label="Mode" onChange={change} options={options} value={text(value) === usual ? "" : text(value)} />;
};
