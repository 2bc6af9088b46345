import { chakra } from "@chakra-ui/react";
import { useNavigate } from "react-router-dom";

import { count } from "../../shared/amount";
import { paths } from "../../shell/paths";
import { type Placed, SIZE } from "./layout";

interface Props {
  dim: boolean;
  onActive: (id: string) => void;
  placed: Placed;
  /** Of its state, and what it depends on. */
  says: string;
  waits: boolean;
}

const PALETTES: Record<string, string> = {
  broken: "failed",
  failed: "failed",
  held: "awaiting_input",
  processing: "running",
  queued: "queued",
  skipped: "skipped",
  successful: "success",
  waiting: "deferred",
};
const LETTERS_NAME = 24;

/** One node: what it is, its name, its state. It is reached by Tab; Enter opens an export, or the catalog. */
export const GraphNode = ({ dim, onActive, placed: { node, x, y }, says, waits }: Props) => {
  const navigate = useNavigate();
  const open = () => {
    void navigate(node.kind === "export" ? paths.export(node.name) : paths.catalog);
  };
  const state = waits ? "waiting" : node.state;
  const detail = [node.kind, state, typeof node.members === "number" ? `${count(node.members)} members` : ""].filter(Boolean).join(", ");
  return (
    <chakra.g
      aria-label={[cut(node.title || node.name), detail, node.name, says].filter(Boolean).join(", ")}
      colorPalette={PALETTES[state] ?? "none"}
      css={{ "&:focus-visible": { outline: "none" }, "&:focus-visible rect": { stroke: "colorPalette.focusRing", strokeWidth: 3 } }}
      cursor="pointer"
      onBlur={() => {
        onActive("");
      }}
      onClick={open}
      onFocus={() => {
        onActive(node.id);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") open();
      }}
      onPointerEnter={() => {
        onActive(node.id);
      }}
      onPointerLeave={() => {
        onActive("");
      }}
      opacity={dim ? 0.4 : 1}
      role="link"
      tabIndex={0}
      transform={`translate(${x},${y})`}
    >
      <title>{[node.title || node.name, detail, says].filter(Boolean).join("; ")}</title>
      <chakra.rect fill="bg.panel" height={`${SIZE.height}px`} rx={6} stroke="border.emphasized" width={`${SIZE.width}px`} />
      <chakra.rect fill="colorPalette.solid" height={`${SIZE.height - 12}px`} rx={2} width="4px" x={6} y={6} />
      <chakra.text fill="fg" fontSize="13px" fontWeight={600} x={18} y={19}>{cut(node.title || node.name)}</chakra.text>
      <chakra.text fill="fg.muted" fontSize="11px" x={18} y={36}>{detail}</chakra.text>
    </chakra.g>
  );
};

const cut = (text: string): string => (text.length > LETTERS_NAME ? `${text.slice(0, LETTERS_NAME - 1)}…` : text);
