import { useEffect, useState } from "react";

/** The value, once it has not changed for a moment: what is asked while somebody types. */
export const useSettled = <T>(value: T, pause = 350): T => {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(value);
    }, pause);
    return () => {
      clearTimeout(timer);
    };
  }, [pause, value]);
  return settled;
};
