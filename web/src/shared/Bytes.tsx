import { bytes, count } from "./amount";
import { Hint } from "./Hint";

/** A size in a unit that reads well; the hint has every byte. */
export const Bytes = ({ of }: { of: number }) => (
  <Hint says={of < 1000 ? "" : `${count(of)} bytes`}>
    <span>{bytes(of)}</span>
  </Hint>
);
