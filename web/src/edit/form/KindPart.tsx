import { Radios } from "../../shared/Radios";
import { type Kind, KINDS, kindOf } from "../values";
import { useValue } from "./useValue";

const OPTIONS = (["segment-export", "data-out-export", "dataset-export"] as const).map((value) => ({
  help: KINDS[value].says,
  title: KINDS[value].title,
  value,
}));

/** What kind of data it delivers. */
export const KindPart = () => {
  const [value, change] = useValue("kind");
  return <Radios<Kind> label="Kind" onChange={change} options={OPTIONS} value={kindOf({ kind: value })} />;
};
