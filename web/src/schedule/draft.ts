/** When an export recurs, as a form holds it. */
export type Recurrence = "after" | "cron" | "daily" | "every" | "from-start" | "monthly" | "once" | "weekly" | "with-refresh";

export interface ScheduleDraft {
  /** The name of the export that it follows. */
  after: string;
  /** The time of day. */
  at: string;
  cron: string;
  /** Of the month. */
  day: number;
  /** `mon` to `sun`. */
  days: string[];
  end: string;
  hours: number;
  /** A local date and time, as the browser's field writes it. */
  once: string;
  recurrence: Recurrence;
  /** Keys that the form does not show: they stay. */
  rest: Record<string, unknown>;
  start: string;
  timezone: string;
  /** What passes between two runs that are counted from the start. */
  unit: string;
}

export const HOURS = [1, 2, 3, 4, 6, 8, 12];
export const UNITS = ["hour", "day", "week", "month"];
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const SHOWN = new Set(["after", "at", "cron", "daily", "end", "every", "monthly", "once", "start", "timezone", "weekly"]);
const RULES = ["every", "daily", "weekly", "monthly", "cron", "once", "after"] as const;

/** The declared schedule as the form holds it: a word, a mapping, or nothing. */
export const draftOf = (declared: unknown): ScheduleDraft => {
  const empty: ScheduleDraft = {
    after: "",
    at: "06:00",
    cron: "30 6 * * mon-fri",
    day: 1,
    days: ["mon"],
    end: "",
    hours: 6,
    once: "",
    recurrence: "with-refresh",
    rest: {},
    start: "",
    timezone: "UTC",
    unit: "week",
  };
  if (declared === "once") return { ...empty, recurrence: "once" };
  if (typeof declared !== "object" || declared === null) return empty;
  const spec = declared as Record<string, unknown>;
  const rule = RULES.find((key) => spec[key] !== undefined && spec[key] !== null);
  return {
    ...empty,
    after: textOf(spec.after),
    at: textOf(spec.daily ?? spec.at) || (rule === "every" ? "00:00" : empty.at),
    cron: textOf(spec.cron) || empty.cron,
    day: typeof spec.monthly === "number" ? spec.monthly : empty.day,
    days: Array.isArray(spec.weekly) ? (spec.weekly as string[]) : empty.days,
    end: textOf(spec.end),
    hours: hoursOf(spec.every) || empty.hours,
    once: localOf(textOf(spec.once)),
    recurrence: recurrenceOf(spec, rule),
    rest: Object.fromEntries(Object.entries(spec).filter(([key]) => !SHOWN.has(key))),
    start: textOf(spec.start),
    timezone: textOf(spec.timezone) || "UTC",
    unit: UNITS.find((one) => one === spec.every) ?? empty.unit,
  };
};

const recurrenceOf = (spec: Record<string, unknown>, rule: Recurrence | undefined): Recurrence => {
  if (rule === "every" && UNITS.some((one) => one === spec.every)) return "from-start";
  return rule === "after" && spec.after === "system_refresh" ? "with-refresh" : (rule ?? "with-refresh");
};

/** The schedule to declare. */
export const declaredOf = (draft: ScheduleDraft): unknown => {
  const { after, at, cron, day, days, hours, once, recurrence, rest, timezone, unit } = draft;
  const bounds = { ...(draft.start ? { start: draft.start } : {}), ...(draft.end ? { end: draft.end } : {}) };
  const zone = timezone === "UTC" ? {} : { timezone };
  switch (recurrence) {
    case "after":
      return { after, ...bounds };
    case "cron":
      return { cron: cron.trim(), ...zone, ...bounds, ...rest };
    case "daily":
      return { daily: at, ...zone, ...bounds, ...rest };
    case "every":
      return { every: `${hours}h`, ...(at === "00:00" ? {} : { at }), ...zone, ...bounds, ...rest };
    case "from-start":
      return { every: unit, ...zone, ...bounds, ...rest };
    case "monthly":
      return { monthly: day, at, ...zone, ...bounds, ...rest };
    case "once":
      return once ? { once: new Date(once).toISOString().slice(0, 16) + "+00:00" } : "once";
    case "weekly":
      return { weekly: WEEKDAYS.filter((one) => days.includes(one)), at, ...zone, ...bounds, ...rest };
    case "with-refresh":
      return Object.keys(bounds).length > 0 ? { after: "system_refresh", ...bounds } : "with-refresh";
  }
};

/** Whether the form has what its recurrence needs. */
export const isComplete = ({ after, at, cron, days, recurrence, start }: ScheduleDraft): boolean => {
  if (recurrence === "weekly") return days.length > 0 && at !== "";
  if (recurrence === "cron") return cron.trim().split(/\s+/u).length === 5;
  if (recurrence === "after") return after.trim() !== "";
  if (recurrence === "from-start") return start.trim() !== "";
  return recurrence === "once" || recurrence === "with-refresh" || at !== "";
};

/** Whether it has a time of day and a time zone of its own. */
export const isByTheClock = (recurrence: Recurrence): boolean => !["after", "from-start", "once", "with-refresh"].includes(recurrence);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** `6h`, `6 hours` or seconds. */
const hoursOf = (value: unknown): number => {
  if (typeof value === "number") return value / 3600;
  const found = /^(\d+)\s*h/u.exec(textOf(value));
  return found ? Number(found[1]) : 0;
};

/** A time of a declaration, in UTC unless it says otherwise, as the browser's field takes it. */
const localOf = (text: string): string => {
  if (!text) return "";
  const date = new Date(/[zZ]|[+-]\d\d:\d\d$/u.test(text) ? text : `${text.length === 10 ? `${text}T00:00` : text}Z`);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};
