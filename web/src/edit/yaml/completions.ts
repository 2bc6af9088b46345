import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";

/** A JSON Schema, or a part of one. */
export type JsonSchema = Record<string, unknown>;

/** The keys and values that a declaration may have at the cursor, by its schema. */
export const completions = (context: CompletionContext, root: JsonSchema): CompletionResult | null => {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const value = /^[\s-]*([\w]+):\s+([\w-]*)$/u.exec(before);
  const path = pathAt(context, line.number, indentOf(before));
  if (value) {
    const [, key = "", typed = ""] = value;
    const options = nodesAt(root, [...path, key], kindIn(context)).flatMap((node) => valuesOf(root, node));
    return resultOf(context.pos - typed.length, options);
  }
  const key = /^[\s-]*([\w]*)$/u.exec(before);
  if (!key || (!context.explicit && !key[1])) return null;
  const options = nodesAt(root, path, kindIn(context)).flatMap((node) => keysOf(root, node));
  return resultOf(context.pos - (key[1] ?? "").length, options);
};

const resultOf = (from: number, options: Completion[]): CompletionResult | null =>
  options.length > 0 ? { from, options: [...new Map(options.map((one) => [one.label, one])).values()], validFor: /^[\w-]*$/u } : null;

const indentOf = (text: string): number => /^[\s-]*/u.exec(text)?.[0].length ?? 0;

/** The keys of the mappings that contain the line, outermost first. */
const pathAt = (context: CompletionContext, number: number, indent: number): string[] => {
  const path: string[] = [];
  let limit = indent;
  for (let at = number - 1; at > 0 && limit > 0; at -= 1) {
    const { text } = context.state.doc.line(at);
    const found = /^([\s-]*)([\w]+):/u.exec(text);
    if (found && (found[1] ?? "").length < limit) {
      path.unshift(found[2] ?? "");
      limit = (found[1] ?? "").length;
    }
  }
  return path;
};

const kindIn = (context: CompletionContext): string => /^kind:\s*([\w-]+)/mu.exec(context.state.doc.toString())?.[1] ?? "";

/** The schemas that may describe the value at a path. */
const nodesAt = (root: JsonSchema, path: string[], kind: string): JsonSchema[] => {
  let nodes = branches(root, root).flatMap((node) => ofKind(node, kind));
  for (const key of path) {
    nodes = nodes.flatMap((node) => branches(root, node)).flatMap((node) => {
      const found = (node.properties as Record<string, JsonSchema> | undefined)?.[key];
      return found ? branches(root, found) : [];
    });
  }
  return nodes;
};

/** Of the branches by `kind`, the one of the text; all, if it has none. */
const ofKind = (node: JsonSchema, kind: string): JsonSchema[] => {
  const own = (node.properties as Record<string, JsonSchema> | undefined)?.kind;
  const only = own?.const;
  return kind && only !== undefined && only !== kind ? [] : [node];
};

/** A schema with its references followed, and its alternatives and items beside it. */
const branches = (root: JsonSchema, node: JsonSchema): JsonSchema[] => {
  const reference = node.$ref;
  if (typeof reference === "string") {
    const found = (root.definitions as Record<string, JsonSchema> | undefined)?.[reference.split("/").at(-1) ?? ""];
    return found ? branches(root, found) : [];
  }
  const more = ["allOf", "anyOf", "oneOf"].flatMap((key) => (node[key] as JsonSchema[] | undefined) ?? []);
  const nested = [node.then, node.items].filter((one): one is JsonSchema => typeof one === "object" && one !== null);
  return [node, ...[...more, ...nested].flatMap((one) => branches(root, one))];
};

const keysOf = (root: JsonSchema, node: JsonSchema): Completion[] =>
  branches(root, node).flatMap((one) =>
    Object.entries((one.properties as Record<string, JsonSchema> | undefined) ?? {}).map(([label, schema]) => ({
      apply: `${label}: `,
      info: typeof schema.description === "string" ? schema.description : "",
      label,
      type: "property",
    })),
  );

const valuesOf = (root: JsonSchema, node: JsonSchema): Completion[] =>
  branches(root, node).flatMap((one) => {
    const listed = (one.enum as unknown[] | undefined) ?? ("const" in one ? [one.const] : []);
    const all = one.type === "boolean" ? [true, false] : listed;
    return all.map((value) => ({ label: String(value), type: "constant" }));
  });
