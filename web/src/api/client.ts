import { request } from "./request";
import type { paths } from "./schema";

type Method = "get" | "post" | "put";
/** The paths that have a method. */
type With<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];
type Answer<O> = O extends { responses: infer R }
  ? R extends { 200: { content: { "application/json": infer T } } }
    ? T
    : R extends { 201: { content: { "application/json": infer T } } }
      ? T
      : never
  : never;
type PathOf<O> = O extends { parameters: { path: infer P } } ? { path: P } : { path?: never };
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? { query?: Exclude<Q, undefined> } : { query?: never };
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? { body: B } : { body?: never };
/** What a request needs, by the API's contract. */
type Asked<O> = BodyOf<O> & PathOf<O> & QueryOf<O> & { signal?: AbortSignal };
interface Loose {
  body?: unknown;
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  signal?: AbortSignal;
}

const ask = (method: string, path: string, asked: Loose): Promise<unknown> =>
  request({ body: asked.body, method, signal: asked.signal, url: `sluice${filled(path, asked.path)}${search(asked.query)}` });

const filled = (path: string, values: Record<string, unknown> = {}): string =>
  path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => encodeURIComponent(String(values[name])));

const search = (query: Record<string, unknown> = {}): string => {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of (Array.isArray(value) ? value : [value]) as (boolean | number | string | null | undefined)[]) {
      if (one !== undefined && one !== null && one !== "" && one !== false) found.append(name, String(one));
    }
  }
  const text = found.toString();
  return text && `?${text}`;
};

/** Sluice's API, with the types of its contract. */
export const api = {
  get: <P extends With<"get">>(path: P, asked: Asked<paths[P]["get"]>) =>
    ask("GET", path, asked as Loose) as Promise<Answer<paths[P]["get"]>>,
  post: <P extends With<"post">>(path: P, asked: Asked<paths[P]["post"]>) =>
    ask("POST", path, asked as Loose) as Promise<Answer<paths[P]["post"]>>,
  put: <P extends With<"put">>(path: P, asked: Asked<paths[P]["put"]>) =>
    ask("PUT", path, asked as Loose) as Promise<Answer<paths[P]["put"]>>,
};
