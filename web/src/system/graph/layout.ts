import type { System } from "../../api/types";

export type Node = System["nodes"][number];
export type Edge = System["edges"][number];

export const SIZE = { gapX: 72, gapY: 14, height: 46, width: 232 };

export interface Placed {
  node: Node;
  x: number;
  y: number;
}

export interface Drawing {
  edges: { edge: Edge; path: string }[];
  height: number;
  placed: Placed[];
  width: number;
}

const ROUNDS = 4;

/** The nodes in columns by their rank, each near those it depends on, with curves between them. */
export const drawn = (nodes: Node[], edges: Edge[]): Drawing => {
  const columns = ordered(columnsOf(nodes), edges);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const stepY = SIZE.height + SIZE.gapY;
  const placed = columns.flatMap((column, x) =>
    column.map((node, y): Placed => ({ node, x: x * (SIZE.width + SIZE.gapX) + 4, y: y * stepY + ((tallest - column.length) * stepY) / 2 + 4 })),
  );
  const at = new Map(placed.map((one) => [one.node.id, one]));
  return {
    edges: edges.flatMap((edge) => {
      const [from, to] = [at.get(edge.source), at.get(edge.to)];
      return from && to ? [{ edge, path: curve(from, to) }] : [];
    }),
    height: tallest * stepY + 8,
    placed,
    width: columns.length * (SIZE.width + SIZE.gapX) - SIZE.gapX + 8,
  };
};

/** Only ranks that occur have a column. */
const columnsOf = (nodes: Node[]): Node[][] =>
  [...new Set(nodes.map(({ rank }) => rank))].toSorted((a, b) => a - b).map((rank) => nodes.filter((node) => node.rank === rank));

/** Sorts each column by the mean place of its neighbours, back and forth, so that fewer edges cross. */
const ordered = (columns: Node[][], edges: Edge[]): Node[][] => {
  const near = new Map<string, string[]>();
  for (const { source, to } of edges) {
    near.set(source, [...(near.get(source) ?? []), to]);
    near.set(to, [...(near.get(to) ?? []), source]);
  }
  let found = columns;
  for (let round = 0; round < ROUNDS; round += 1) {
    const place = new Map(found.flatMap((column) => column.map(({ id }, index) => [id, index / Math.max(1, column.length - 1)] as const)));
    const mean = ({ id }: Node): number => {
      const places = (near.get(id) ?? []).flatMap((other) => place.get(other) ?? []);
      return places.length > 0 ? places.reduce((sum, one) => sum + one, 0) / places.length : (place.get(id) ?? 0);
    };
    found = found.map((column) => column.toSorted((a, b) => mean(a) - mean(b) || a.name.localeCompare(b.name)));
  }
  return found;
};

const curve = (from: Placed, to: Placed): string => {
  const [x1, y1, x2, y2] = [from.x + SIZE.width, from.y + SIZE.height / 2, to.x, to.y + SIZE.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
};
