import { plainProblem } from "../api/problem";
import type { ExportDetail } from "../api/types";
import { ProblemPanel } from "../shared/ProblemPanel";
import { paths } from "../shell/paths";
import { DraftPage } from "./DraftPage";

/** Edits an export, or shows it to those who may only see it. */
const EditExport = ({ detail }: { detail: ExportDetail }) => (
  <>
    {detail.may.includes("edit-export") ? undefined : (
      <ProblemPanel
        error={plainProblem("You may not change this export: its connection is not shared with you", "You can look at everything here.")}
        tone="warning"
      />
    )}
    <DraftPage
      back={paths.export(detail.row.name)}
      name={detail.row.name}
      saved={{ tag: detail.tag, text: detail.text }}
      title={`Edit ${detail.row.title || detail.row.name}`}
    />
  </>
);

export default EditExport;
