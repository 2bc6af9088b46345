/** A row of two texts side by side: a line of each, or none. */
export interface DiffRow {
  left: string | undefined;
  right: string | undefined;
}

const MOST_CELLS = 4_000_000;

/** The lines of two texts, the common ones beside each other. Texts that are too long to compare are shown as replaced. */
export const lineDiff = (left: string, right: string): DiffRow[] => {
  const [a, b] = [linesOf(left), linesOf(right)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (from: number, to: number): DiffRow[] => a.slice(from, to).map((line) => ({ left: line, right: line }));
  return [...same(0, start), ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)), ...same(a.length - end, a.length)];
};

const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/u, "").split("\n"));

const middle = (a: string[], b: string[]): DiffRow[] => {
  if (a.length * b.length > MOST_CELLS) return paired(a, b);
  const common = commonLengths(a, b);
  const at = (i: number, j: number): number => common[i * (b.length + 1) + j] ?? 0;
  const rows: DiffRow[] = [];
  let [i, j, removed, added] = [0, 0, [] as string[], [] as string[]];
  const flush = () => {
    rows.push(...paired(removed, added));
    [removed, added] = [[], []];
  };
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      flush();
      rows.push({ left: a[i], right: b[j] });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      removed.push(a[i] ?? "");
      i += 1;
    } else {
      added.push(b[j] ?? "");
      j += 1;
    }
  }
  flush();
  return rows;
};

/** The length of the longest common subsequence of the rests, from each pair of places. */
const commonLengths = (a: string[], b: string[]): Uint16Array => {
  const width = b.length + 1;
  const found = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [down = 0, right = 0, both = 0] = [found[(i + 1) * width + j], found[i * width + j + 1], found[(i + 1) * width + j + 1]];
      found[i * width + j] = a[i] === b[j] ? both + 1 : Math.max(down, right);
    }
  }
  return found;
};

const paired = (removed: string[], added: string[]): DiffRow[] =>
  Array.from({ length: Math.max(removed.length, added.length) }, (_, index) => ({ left: removed[index], right: added[index] }));
