import type { Problem } from "./types";

/** The API answered with an error: a page that says what happened and what to do. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.what);
  }
}

/** The user's login has expired. */
export class LoggedOutError extends Error {
  override readonly name = "LoggedOutError";

  constructor() {
    super("Your login has expired");
  }
}

/** Airflow gave no answer, or a proxy answered in its place. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";

  constructor() {
    super("Airflow does not answer");
  }
}

/** Any error as a problem, to be shown. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof ProblemError) return error.problem;
  const what = error instanceof Error ? error.message : String(error);
  return plainProblem(what, nextOf(error));
};

/** A problem that has no place in a file. */
export const plainProblem = (what: string, next = ""): Problem => ({
  column: 0,
  file: "",
  known: [],
  line: 0,
  nearest: "",
  next,
  others: [],
  page: "",
  patch: "",
  what,
  width: 1,
});

const nextOf = (error: unknown): string => {
  if (error instanceof UnreachableError) return "Check your network, and that Airflow's API server runs; then try again.";
  if (error instanceof LoggedOutError) return "Log in again in another tab, then try again. What you typed stays here.";
  return "";
};
