import { problemOf } from "../api/problem";
import type { Done } from "../api/types";

interface One {
  act: () => Promise<Done>;
  name: string;
}

/** Asks one by one for what the API does to a single export, and sums up. */
export const each = async (ones: One[]): Promise<Done> => {
  const sum: Done = { diff: "", done: [], runs: {}, skipped: [] };
  for (const { act, name } of ones) {
    try {
      const { done, runs, skipped } = await act();
      sum.done.push(...done);
      sum.skipped.push(...skipped);
      Object.assign(sum.runs, runs);
    } catch (error) {
      const problem = problemOf(error);
      sum.skipped.push({ name, problem, why: problem.what });
    }
  }
  return sum;
};
