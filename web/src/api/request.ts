import { LoggedOutError, plainProblem, ProblemError, UnreachableError } from "./problem";
import type { Problem } from "./types";

/** A request to Airflow's API server, ours or Airflow's own: as the user, by the cookie of the page. */
export interface Call {
  body?: unknown;
  method: string;
  signal?: AbortSignal | undefined;
  /** Below the address at which Airflow is served. */
  url: string;
}

/** The JSON of the answer. Throws `ProblemError`, `LoggedOutError` or `UnreachableError`. */
export const request = async ({ body, method, signal, url }: Call): Promise<unknown> => {
  const response = await sent(url, {
    credentials: "same-origin",
    headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 204) return undefined;
  const text = await response.text();
  if (response.ok) return parsed(text);
  if (response.status === 401) throw new LoggedOutError();
  throw errorOf(response.status, text);
};

const sent = async (url: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(new URL(url, document.baseURI), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new UnreachableError();
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UnreachableError();
  }
};

/** Ours is a problem, FastAPI's has a `detail`; a page of a proxy is neither. */
const errorOf = (status: number, text: string): Error => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (status >= 502 && status <= 504) return new UnreachableError();
    value = undefined;
  }
  if (isProblem(value)) return new ProblemError(status, value);
  return new ProblemError(status, plainProblem(detailOf(value) || fallback(status), nextOf(status)));
};

const isProblem = (value: unknown): value is Problem =>
  typeof value === "object" && value !== null && "what" in value && "page" in value;

const detailOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null || !("detail" in value)) return "";
  const { detail } = value;
  if (typeof detail === "string") return detail;
  if (!Array.isArray(detail)) return "";
  return detail
    .map((one: { loc?: unknown[]; msg?: string }) => `${(one.loc ?? []).slice(1).join(".")}: ${one.msg ?? ""}`)
    .join("; ");
};

const fallback = (status: number): string => {
  if (status === 403) return "You may not do this";
  if (status === 404) return "This does not exist, or not any more";
  if (status >= 500) return `Airflow's API server failed (HTTP ${status})`;
  return `Airflow refused the request (HTTP ${status})`;
};

const nextOf = (status: number): string => {
  if (status === 403) return "Ask an administrator.";
  return status >= 500 ? "Try again. If it fails again, the log of the API server says more." : "";
};
