import { Box } from "@chakra-ui/react";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import css from "uplot/dist/uPlot.min.css?inline";

interface Props {
  data: uPlot.AlignedData;
  height: number;
  /** For screen readers. */
  label: string;
  /** Called whenever it is drawn: the colours are read from the theme's variables at that time. */
  options: (element: HTMLElement) => uPlot.Options;
}

/** A chart. It is drawn again when its size or the theme changes. */
export const Plot = ({ data, height, label, options }: Props) => {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(element), data, element);
    };
    const resized = new ResizeObserver(() => plot?.setSize({ height, width: element.clientWidth }));
    const themed = new MutationObserver(draw);
    draw();
    resized.observe(element);
    themed.observe(document.documentElement, { attributeFilter: ["class", "data-theme"], attributes: true });
    return () => {
      resized.disconnect();
      themed.disconnect();
      plot?.destroy();
    };
  }, [data, height, options]);
  return (
    <>
      <style>{css}</style>
      <Box aria-label={label} minH={`${height}px`} ref={place} role="img" w="full" />
    </>
  );
};

/** A colour of the theme. */
export const colorOf = (element: HTMLElement, name: string): string =>
  getComputedStyle(element).getPropertyValue(`--chakra-colors-${name}`).trim() || "currentColor";
