import { Box, Text } from "@chakra-ui/react";
import { useCallback, useMemo } from "react";
import type uPlot from "uplot";

import { some } from "../amount";
import { options, type Point } from "./chartOptions";
import { Plot } from "./Plot";

interface Props {
  points: Point[];
  /** What each point is, as in *3 deliveries*. Default: a delivery. */
  of?: readonly [one: string, many: string];
  /** A value as text. */
  says: (value: number) => string;
  title: string;
}

const DELIVERIES = ["delivery", "deliveries"] as const;
const HEIGHT = 150;

/** A value of each delivery over time. */
export const Chart = ({ of = DELIVERIES, points, says, title }: Props) => {
  const look = useCallback((element: HTMLElement) => options(element, points, says, HEIGHT), [points, says]);
  const values = useMemo(() => data(points), [points]);
  return (
    <Box minW={0}>
      <Text fontSize="sm" fontWeight="semibold">{title}</Text>
      <Plot data={values} height={HEIGHT} label={spoken(title, points, says, of)} options={look} />
    </Box>
  );
};

const data = (points: Point[]): uPlot.AlignedData => [
  points.map(({ at }) => at),
  points.map(({ value }) => value),
  points.map(({ outlier, value }) => (outlier ? value : null)),
];

const spoken = (title: string, points: Point[], says: (value: number) => string, [one, many]: readonly [string, string]): string => {
  const values = points.map(({ value }) => value);
  const outliers = points.filter(({ outlier }) => outlier).length;
  return (
    `${title} of ${some(points.length, one, many)}: from ${says(Math.min(...values))} to ${says(Math.max(...values))}, ` +
    `the last ${says(values.at(-1) ?? 0)}${outliers ? `; ${outliers} unusual` : ""}`
  );
};
