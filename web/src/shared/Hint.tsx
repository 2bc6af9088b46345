import { Box, Portal } from "@chakra-ui/react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";

const DELAY = 250;
const MARGIN = 6;

interface Props {
  children: ReactNode;
  /** Whether the keyboard reaches it. Not for what contains a button or link: those are reached anyway. */
  focusable?: boolean;
  /** Nothing is shown if it is empty. */
  says: ReactNode;
}

interface Place {
  left: number;
  top: number;
  under: boolean;
}

/** Says more when it is pointed at or focused. It costs nothing before that, so a table may have thousands. */
export const Hint = ({ children, focusable = false, says }: Props) => {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [place, setPlace] = useState<Place>();
  const hide = () => {
    clearTimeout(timer.current);
    setPlace(undefined);
  };
  const show = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setPlace(placeOf(anchor.current));
    }, DELAY);
  };
  useEffect(() => hide, []);
  useHiddenByEscapeAndScroll(place !== undefined, hide);
  if (says === undefined || says === null || says === "") return children;
  return (
    // It only listens: what it holds, or the hint of a text, is what people reach.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <span
      aria-describedby={place ? id : undefined}
      onBlur={hide}
      onFocus={show}
      onPointerEnter={show}
      onPointerLeave={hide}
      ref={anchor}
      style={LOOK}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={focusable ? 0 : undefined}
    >
      {children}
      {place ? (
        <Portal>
          <Bubble id={id} place={place} says={says} />
        </Portal>
      ) : undefined}
    </span>
  );
};

const LOOK = { display: "inline-flex", maxWidth: "100%", minWidth: 0 };

const Bubble = ({ id, place, says }: { id: string; place: Place; says: ReactNode }) => (
  <Box
    bg="bg.inverted"
    borderRadius="md"
    boxShadow="md"
    color="fg.inverted"
    fontSize="xs"
    id={id}
    maxH="50vh"
    maxW="min(28rem, calc(100vw - 16px))"
    overflow="hidden"
    overflowWrap="anywhere"
    pointerEvents="none"
    position="fixed"
    px={2.5}
    py={1.5}
    ref={(element: HTMLDivElement | null) => {
      fit(element, place);
    }}
    role="tooltip"
    visibility="hidden"
    whiteSpace="pre-line"
    zIndex="tooltip"
  >
    {says}
  </Box>
);

const placeOf = (element: HTMLElement | null): Place | undefined => {
  const target = element?.firstElementChild ?? element;
  if (!target) return undefined;
  const { bottom, left, top, width } = target.getBoundingClientRect();
  const under = top < window.innerHeight / 3;
  return { left: left + width / 2, top: under ? bottom : top, under };
};

/** Keeps the bubble within the window. */
const fit = (element: HTMLDivElement | null, place: Place) => {
  if (!element) return;
  const { height, width } = element.getBoundingClientRect();
  const left = Math.min(Math.max(MARGIN, place.left - width / 2), window.innerWidth - width - MARGIN);
  element.style.left = `${left}px`;
  element.style.top = `${place.under ? place.top + MARGIN : place.top - height - MARGIN}px`;
  element.style.visibility = "visible";
};

const useHiddenByEscapeAndScroll = (shown: boolean, hide: () => void) => {
  useEffect(() => {
    if (!shown) return undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") hide();
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("scroll", hide, true);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("scroll", hide, true);
    };
  });
};
