import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";

import type { Problem } from "../../api/types";
import { completions, type JsonSchema } from "./completions";
import { highlighting, theme } from "./theme";

/** An editor of YAML in an element of the page. */
export interface Editor {
  /** What can be written, by the schema of the declaration. */
  complete: (schema: JsonSchema) => void;
  destroy: () => void;
  mark: (problems: Problem[]) => void;
  /** Another text. The place of the cursor stays where that is possible. */
  show: (text: string) => void;
}

export const createEditor = (parent: HTMLElement, text: string, onChange: (text: string) => void): Editor => {
  let schema: JsonSchema | undefined;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(), lintGutter(),
        yaml(), syntaxHighlighting(highlighting), theme, EditorView.lineWrapping,
        autocompletion({ override: [(context) => (schema ? completions(context, schema) : null)] }),
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": "The declaration as YAML" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    complete: (found) => {
      schema = found;
    },
    destroy: () => {
      view.destroy();
    },
    mark: (problems) => {
      view.dispatch(setDiagnostics(view.state, problems.flatMap((problem) => diagnostic(view, problem))));
    },
    show: (next) => {
      if (next !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, insert: next, to: view.state.doc.length } });
    },
  };
};

/** A mark at the place of a problem; the first line if it has none here. */
const diagnostic = (view: EditorView, problem: Problem): Diagnostic[] => {
  const { doc } = view.state;
  const line = doc.line(Math.min(Math.max(1, problem.line), doc.lines));
  const from = Math.min(line.from + Math.max(0, problem.column - 1), line.to);
  const to = Math.min(from + Math.max(1, problem.width), line.to);
  const message = [problem.what, problem.nearest ? `Did you mean ${problem.nearest}?` : "", problem.next].filter(Boolean).join("\n");
  return [{ from, message, severity: "error", to: Math.max(from, to) }];
};
