import type { KeySpec } from "../api/types";
import { Choice } from "../shared/Choice";
import { TextField } from "../shared/TextField";
import { Toggle } from "../shared/Toggle";

interface Props {
  onChange: (value: unknown) => void;
  spec: KeySpec;
  value: unknown;
}

/** The field of one key of a destination, by its type. An empty one is not written. */
export const KeyField = ({ onChange, spec, value }: Props) => {
  const words = spec.name.replaceAll("_", " ");
  const label = words.charAt(0).toUpperCase() + words.slice(1);
  if (spec.type === "boolean") {
    return <Toggle help={spec.says} label={label} on={(value ?? spec.default) === true} onChange={onChange} />;
  }
  if (spec.type === "choice") {
    const unset = spec.default === null || spec.default === undefined ? "not set" : `default: ${textOf(spec.default)}`;
    return (
      <Choice
        help={spec.says}
        label={label}
        onChange={(chosen) => {
          onChange(chosen || undefined);
        }}
        options={[["", unset], ...spec.choices.map((one) => [one, one] as const)]}
        value={textOf(value)}
      />
    );
  }
  return (
    <TextField
      help={spec.says}
      label={label}
      onChange={(text) => {
        onChange(typed(spec.type, text));
      }}
      placeholder={textOf(spec.default)}
      required={spec.required}
      value={textOf(value)}
    />
  );
};

/** Whether a form can hold the value; others are edited as text. */
export const fits = (spec: KeySpec, value: unknown): boolean =>
  spec.type !== "other" || value === undefined || typeof value === "string";

export const textOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
};

const typed = (type: KeySpec["type"], text: string): unknown => {
  if (text === "") return undefined;
  if (type === "list") return listOf(text);
  return type === "number" && /^-?\d+(?:\.\d+)?$/u.test(text) ? Number(text) : text;
};

/** `a, b`. A comma at the end stays while the next one is typed. */
export const listOf = (text: string): string[] => text.split(",").map((one, index) => (index === 0 ? one : one.trimStart()));
