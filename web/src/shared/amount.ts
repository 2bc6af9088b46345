const COUNT = new Intl.NumberFormat("en");
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1,204,311`. */
export const count = (value: number): string => COUNT.format(value);

/** `1 file`, `3 files`. */
export const some = (value: number, one: string, more = `${one}s`): string => `${count(value)} ${value === 1 ? one : more}`;

/** `812 B`, `1.2 MB`: in powers of 1,000. */
export const bytes = (value: number): string => {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit && rest < 10 ? rest.toFixed(1) : COUNT.format(Math.round(rest))} ${UNITS[unit] ?? ""}`;
};
