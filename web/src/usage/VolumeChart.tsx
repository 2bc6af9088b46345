import { useCallback, useMemo } from "react";
import type uPlot from "uplot";

import type { UsageView } from "../api/types";
import { bytes } from "../shared/amount";
import { colorOf, Plot } from "../shared/chart/Plot";

const HEIGHT = 260;
const ROOM = 64;
const DAY = 86_400;

/** What was delivered since the contract year started, by month, what it will be, and what the licence grants. */
export const VolumeChart = ({ usage }: { usage: UsageView }) => {
  const data = useMemo(() => pointsOf(usage), [usage]);
  const look = useCallback((element: HTMLElement) => options(element, usage), [usage]);
  return <Plot data={data} height={HEIGHT} label={spoken(usage)} options={look} />;
};

/** In seconds since 1970. */
const secondsOf = (day: string): number => new Date(`${day}T00:00:00Z`).getTime() / 1000;

/** When a month such as 2026-11 is over. */
const endOf = (month: string): number => {
  const [year = 0, number = 0] = month.split("-").map(Number);
  return Date.UTC(year, number, 1) / 1000;
};

const pointsOf = ({ ends, entitlement, forecast, months, starts, used }: UsageView): uPlot.AlignedData => {
  const end = secondsOf(ends) + DAY;
  const now = Math.min(Date.now() / 1000, end);
  const times = [secondsOf(starts), ...months.map(({ month }) => Math.min(endOf(month), now))];
  const totals: (number | null)[] = [0, ...months.map(({ total }) => total)];
  const last = times.length - 1;
  const expected = times.map((_, index) => (index === last && typeof forecast === "number" ? used : null));
  if ((times[last] ?? 0) < end) {
    times.push(end);
    totals.push(null);
    expected.push(forecast ?? null);
  }
  return [times, totals, expected, times.map(() => entitlement ?? null)];
};

const options = (element: HTMLElement, { entitlement, forecast, used }: UsageView): uPlot.Options => {
  const axis = { grid: { stroke: colorOf(element, "border-muted"), width: 1 }, stroke: colorOf(element, "fg-muted"), ticks: { show: false } };
  const most = Math.max(entitlement ?? 0, forecast ?? 0, used, 1) * 1.1;
  const line = colorOf(element, "brand-focus-ring");
  const value = (_: unknown, found: number | null | undefined) => (typeof found === "number" ? bytes(found) : "-");
  return {
    axes: [{ ...axis, grid: { show: false } }, { ...axis, size: ROOM, values: (_, splits) => splits.map(bytes) }],
    cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    height: HEIGHT,
    legend: { show: true },
    padding: [8, 8, 0, 0],
    scales: { x: { time: true }, y: { range: [0, most] } },
    series: [
      { label: "Until", value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(0, 10) : "-") },
      { label: "Delivered", points: { show: true, size: 6 }, stroke: line, value, width: 2 },
      { dash: [4, 4], label: "Forecast", points: { show: false }, stroke: line, value, width: 2 },
      { label: "Entitlement", points: { show: false }, show: typeof entitlement === "number", stroke: colorOf(element, "fg-error"), value, width: 2 },
    ],
    width: element.clientWidth || 300,
  };
};

const spoken = ({ entitlement, forecast, months, used }: UsageView): string =>
  `Delivered in ${months.length} months: ${bytes(used)}` +
  (typeof forecast === "number" ? `; forecast ${bytes(forecast)}` : "") +
  (typeof entitlement === "number" ? `; entitlement ${bytes(entitlement)}` : "");
