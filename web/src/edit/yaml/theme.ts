import { HighlightStyle } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const color = (name: string) => `var(--chakra-colors-${name})`;

/** The host's colours, light and dark: they are variables, which change with the theme. */
export const theme = EditorView.theme({
  "&": { backgroundColor: color("bg"), color: color("fg"), maxHeight: "40rem", minHeight: "24rem" },
  "&.cm-focused": { outline: `2px solid ${color("brand-focus-ring")}` },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: `${color("bg-emphasized")} !important` },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: color("bg-subtle") },
  ".cm-content": { caretColor: color("fg"), fontFamily: "var(--chakra-fonts-mono)" },
  ".cm-cursor": { borderLeftColor: color("fg") },
  ".cm-gutters": { backgroundColor: color("bg-subtle"), borderColor: color("border"), color: color("fg-muted") },
  ".cm-scroller": { overflow: "auto" },
  ".cm-tooltip": { backgroundColor: color("bg-panel"), border: `1px solid ${color("border")}`, color: color("fg") },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: `${color("brand-solid")} !important`, color: `${color("brand-contrast")} !important` },
  ".cm-tooltip-lint": { maxWidth: "36rem", whiteSpace: "pre-wrap" },
});

export const highlighting = HighlightStyle.define([
  { color: color("blue-fg"), tag: [tags.propertyName, tags.definition(tags.propertyName)] },
  { color: color("green-fg"), tag: [tags.string, tags.content] },
  { color: color("orange-fg"), tag: [tags.number, tags.bool, tags.null, tags.keyword] },
  { color: color("fg-muted"), fontStyle: "italic", tag: tags.comment },
  { color: color("fg-muted"), tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace] },
]);
