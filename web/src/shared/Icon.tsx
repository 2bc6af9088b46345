/** Line icons on a grid of 24: the paths of their strokes. */
const PATHS = {
  add: "M12 5v14M5 12h14",
  attach: "M9 15l6-6M11 6l1.5-1.5a4.2 4.2 0 0 1 6 6L17 12M13 18l-1.5 1.5a4.2 4.2 0 0 1-6-6L7 12",
  box: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  bucket: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6l2 12.5C6.200 20 8.800 21 12 21s5.800-1 6-2.500L20 6",
  calendar: "M5 5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM4 10h16M8 3v4M16 3v4",
  check: "M5 12.500l4.500 4.500L19 7.500",
  chevronDown: "M6 9l6 6 6-6",
  chevronLeft: "M15 6l-6 6 6 6",
  chevronRight: "M9 6l6 6-6 6",
  chevronUp: "M6 15l6-6 6 6",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.500 2",
  close: "M6 6l12 12M18 6L6 18",
  cloud: "M7 18h10a4 4 0 0 0 .6-7.950A6 6 0 0 0 6 9.100 4.500 4.500 0 0 0 7 18z",
  columns: "M4 5h16v14H4zM9.500 5v14M14.500 5v14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  detach: "M9 15l1.500-1.500M13.500 10.500L15 9M12 5.500l.5-1a4.200 4.200 0 0 1 6 6l-1 .5M12 18.500l-.5 1a4.200 4.200 0 0 1-6-6l1-.5M4 4l16 16",
  download: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  edit: "M4 20l1-4L16.500 4.500l3 3L8 19zM14.500 6.500l3 3",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600z",
  filter: "M4 5h16l-6.200 7.500V19l-3.600-2v-4.500z",
  folder: "M3 6.500A1.500 1.500 0 0 1 4.500 5H9l2.500 2.500h8A1.500 1.500 0 0 1 21 9v8.500a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 17.500z",
  hand: "M8 12V6a1.500 1.500 0 0 1 3 0v5M11 11V4.500a1.500 1.500 0 0 1 3 0V11M14 11V6a1.500 1.500 0 0 1 3 0v8a7 7 0 0 1-7 7c-3 0-4.200-1.500-6-5l-1-2.500c.8-1 2-.8 2.800.3L8 15.500",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.500M12 7.500v.01",
  key: "M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11.200 12.800L4 20M7 17l2.500 2.500",
  minus: "M5 12h14",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12.500-7.500z",
  question: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .8-1 1.700M12 16.500v.01",
  refresh: "M4 11a8 8 0 0 1 14-4.500L20 9M20 4v5h-5M20 13a8 8 0 0 1-14 4.500L4 15M4 20v-5h5",
  remove: "M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500L20 20",
  server: "M4 4h16v6H4zM4 14h16v6H4zM7.500 7v.01M7.500 17v.01",
  skip: "M5 5l9 7-9 7zM18 5v14",
  spinner: "M12 3a9 9 0 1 0 9 9",
  stop: "M6 6h12v12H6z",
  table: "M4 5h16v14H4zM4 10h16M4 14.500h16M10 10v9",
  unplug: "M9 3v5M15 3v5M6.500 8h11v3a5.500 5.500 0 0 1-11 0zM12 16.500V21",
  upload: "M12 15V4M7 8.500l5-5 5 5M5 20h14",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.8-3.700 3.700-5.500 7.500-5.500s6.700 1.800 7.500 5.500",
  warning: "M12 4l9.500 16h-19zM12 10v4.500M12 17.200v.01",
} as const;

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  /** In the theme's sizes or CSS. */
  size?: string;
  spin?: boolean;
}

/** A decoration beside a word: screen readers skip it. */
export const Icon = ({ name, size = "1.15em", spin = false }: Props) => (
  <svg
    aria-hidden
    fill="none"
    focusable={false}
    height={size}
    stroke="currentColor"
    strokeLinecap="round"
    strokeLinejoin="round"
    strokeWidth={1.8}
    style={spin && !still() ? SPINNING : LOOK}
    viewBox="0 0 24 24"
    width={size}
  >
    <path d={PATHS[name]} />
  </svg>
);

const LOOK = { display: "inline-block", flexShrink: 0, verticalAlign: "-0.2em" };
/** The theme has the key frames. */
const SPINNING = { ...LOOK, animation: "spin 1.2s linear infinite" };

/** Whether the user wants nothing to move. */
const still = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
