import { Button, HStack } from "@chakra-ui/react";
import { Link, useNavigate } from "react-router-dom";

import { ActionBar } from "../actions/ActionBar";
import type { Verb } from "../actions/verbs";
import type { ExportDetail } from "../api/types";
import { Icon } from "../shared/Icon";
import { paths } from "../shell/paths";

/** What can be done with an export: the same actions as in the list. */
export const ExportActions = ({ detail: { may, row } }: { detail: ExportDetail }) => {
  const navigate = useNavigate();
  const mayEdit = may.includes("edit-export");
  return (
    <HStack flexWrap="wrap">
      <Button asChild variant="outline">
        <Link to={paths.export(row.name, "edit")}>
          <Icon name={mayEdit ? "edit" : "eye"} />
          {mayEdit ? "Edit" : "View"}
        </Link>
      </Button>
      {mayEdit ? (
        <ActionBar
          onDone={(done, verb) => {
            const started = done.runs[row.name];
            if (started) void navigate(paths.run(row.name, started));
            else if (verb === "remove") void navigate(paths.list);
            else if (verb === "rename") void navigate(paths.export(done.done[0] ?? row.name));
          }}
          rows={[row]}
          verbs={verbsOf(row.connection)}
        />
      ) : undefined}
    </HStack>
  );
};

const verbsOf = (connection: string): Verb[] => ["run", "schedule", "duplicate", "rename", connection ? "detach" : "attach", "remove"];
