const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number): string => String(value).padStart(2, "0");

/** `2026-11-26 14:05`, in the time zone of the browser. */
export const local = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;

/** `2026-11-26 13:05:09 UTC`. */
export const utc = (at: Date): string => `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** `5 minutes ago`, `in 3 hours`, `yesterday`. */
export const relative = (at: Date, now: Date = new Date()): string => {
  const away = at.getTime() - now.getTime();
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const size = Math.abs(away);
  if (size < MINUTE) return away <= 0 ? "just now" : "in a moment";
  if (size < HOUR) return words.format(Math.round(away / MINUTE), "minute");
  if (size < DAY) return words.format(Math.round(away / HOUR), "hour");
  if (size < 60 * DAY) return words.format(Math.round(away / DAY), "day");
  if (size < 700 * DAY) return words.format(Math.round(away / (30.4 * DAY)), "month");
  return words.format(Math.round(away / (365.25 * DAY)), "year");
};

/** `3 s`, `4 min 5 s`, `2 h 10 min`. */
export const duration = (seconds: number): string => {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return joined(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86_400) return joined(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return joined(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
};

const joined = (big: number, unit: string, small: number, smaller: string): string =>
  small ? `${big} ${unit} ${small} ${smaller}` : `${big} ${unit}`;
