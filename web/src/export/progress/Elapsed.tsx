import { useEffect, useState } from "react";

import { duration } from "../../shared/moment";

interface Props {
  from: string | null | undefined;
  to: string | null | undefined;
}

/** The time between two moments, or until now. */
export const Elapsed = ({ from, to }: Props) => {
  const now = useNow(Boolean(from) && !to);
  if (!from) return "-";
  const end = to ? new Date(to).getTime() : now;
  return duration(Math.max(0, Math.round((end - new Date(from).getTime()) / 1000)));
};

/** The time, read each second while it is asked for. */
const useNow = (ticking: boolean): number => {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, [ticking]);
  return now;
};
