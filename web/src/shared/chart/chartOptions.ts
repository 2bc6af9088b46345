import type uPlot from "uplot";

import { colorOf } from "./Plot";

const ROOM = 64;

export interface Point {
  /** In seconds since 1970. */
  at: number;
  /** Far from those before. */
  outlier: boolean;
  value: number;
}

/** How a chart looks: the colours are read from the theme's variables at the time it is drawn. */
export const options = (element: HTMLElement, points: Point[], says: (value: number) => string, height: number): uPlot.Options => {
  const color = (name: string) => colorOf(element, name);
  const axis = { grid: { stroke: color("border-muted"), width: 1 }, stroke: color("fg-muted"), ticks: { show: false } };
  const line = color("brand-focus-ring");
  const found = color("fg-warning");
  return {
    axes: [{ ...axis, grid: { show: false } }, { ...axis, size: ROOM, values: (_, splits) => splits.map(says) }],
    cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    height,
    legend: { show: true },
    padding: [8, 8, 0, 0],
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    series: [
      { label: "Ended", value: (_, at) => (at ? new Date(at * 1000).toLocaleString("sv").slice(0, 16) : "-") },
      { label: "Value", points: { show: points.length < 100, size: 5 }, stroke: line, value: (_, value) => text(value, says), width: 2 },
      {
        label: "Unusual",
        paths: () => null,
        points: { fill: "transparent", show: true, size: 12, stroke: found, width: 2 },
        stroke: found,
        value: (_, value) => text(value, says),
      },
    ],
    width: element.clientWidth || 300,
  };
};

const text = (value: number | null | undefined, says: (value: number) => string): string =>
  typeof value === "number" ? says(value) : "-";
