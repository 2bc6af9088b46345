import { lazy, Suspense, useState } from "react";

import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { Hint } from "../shared/Hint";

const ImportDialog = lazy(() => import("./ImportDialog"));

/** Opens the import of files of Data Workbench, for administrators. */
export const ImportButton = () => {
  const [open, setOpen] = useState(false);
  const may = useMe()?.may.includes("import-workbench") ?? false;
  return (
    <>
      <Hint says={may ? "Turn files of Data Workbench into exports" : ""}>
        <ActionButton
          aria-label="Import from Data Workbench"
          icon="upload"
          onClick={() => {
            setOpen(true);
          }}
          whyNot={may ? "" : "Only administrators import files of Data Workbench."}
        >
          Import
        </ActionButton>
      </Hint>
      {open ? (
        <Suspense>
          <ImportDialog
            onClose={() => {
              setOpen(false);
            }}
          />
        </Suspense>
      ) : undefined}
    </>
  );
};
