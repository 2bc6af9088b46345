import { Box, Checkbox, Stack, Text } from "@chakra-ui/react";
import { useMemo, useState } from "react";

import type { System } from "../../api/types";
import { some } from "../../shared/amount";
import { GraphNode } from "./GraphNode";
import { drawn, type Edge, type Node } from "./layout";

const MOST = 150;

/** What depends on what, read from left to right. The table below says the same. */
export const Graph = ({ edges, nodes, waiting }: Pick<System, "edges" | "nodes" | "waiting">) => {
  const waits = useMemo(() => new Set(waiting.map((one) => one.export)), [waiting]);
  const exports = nodes.filter(({ kind }) => kind === "export").length;
  const [all, setAll] = useState(exports <= 30);
  const [active, setActive] = useState("");
  const shown = useMemo(() => nodes.filter(({ kind, name }) => all || kind !== "export" || waits.has(name)).slice(0, MOST), [all, nodes, waits]);
  const drawing = useMemo(() => drawn(shown, edges), [edges, shown]);
  const near = useMemo(() => related(active, edges), [active, edges]);
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return (
    <Stack gap={2}>
      {exports > 0 ? (
        <Checkbox.Root
          checked={all}
          onCheckedChange={({ checked }) => {
            setAll(checked === true);
          }}
          size="sm"
        >
          <Checkbox.HiddenInput />
          <Checkbox.Control />
          <Checkbox.Label>Exports that do not wait, too</Checkbox.Label>
        </Checkbox.Root>
      ) : undefined}
      <Box borderRadius="md" borderWidth={1} maxH="36rem" overflow="auto" p={2} role="group" aria-label="Graph of dependencies">
        <svg height={drawing.height} width={drawing.width}>
          {drawing.edges.map(({ edge, path }) => (
            <path
              d={path}
              fill="none"
              key={`${edge.source} ${edge.to}`}
              opacity={active && !touches(edge, active) ? 0.25 : 1}
              stroke={touches(edge, active) ? "var(--chakra-colors-brand-focus-ring)" : "var(--chakra-colors-border-emphasized)"}
              strokeWidth={touches(edge, active) ? 2.5 : 1.5}
            />
          ))}
          {drawing.placed.map((placed) => (
            <GraphNode
              dim={active !== "" && active !== placed.node.id && !near.has(placed.node.id)}
              key={placed.node.id}
              onActive={setActive}
              placed={placed}
              says={spoken(placed.node, edges, names)}
              waits={placed.node.kind === "export" && waits.has(placed.node.name)}
            />
          ))}
        </svg>
      </Box>
      {nodes.length > MOST && shown.length === MOST ? <Text color="fg.muted" fontSize="sm">{`The first ${MOST} of ${some(nodes.length, "node")}; the table has all.`}</Text> : undefined}
    </Stack>
  );
};

const touches = (edge: Edge, id: string): boolean => id !== "" && (edge.source === id || edge.to === id);

const related = (id: string, edges: Edge[]): Set<string> =>
  new Set(edges.filter((edge) => touches(edge, id)).map(({ source, to }) => (source === id ? to : source)));

const spoken = (node: Node, edges: Edge[], names: Map<string, string>): string => {
  const on = edges.filter(({ to }) => to === node.id).map(({ source }) => names.get(source) ?? source);
  return [node.state_says, on.length > 0 ? `depends on ${on.join(", ")}` : ""].filter(Boolean).join("; ");
};
