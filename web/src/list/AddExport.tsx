import { Button } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import { useConnections } from "../connections/useConnections";
import { ActionButton } from "../shared/ActionButton";
import { Icon } from "../shared/Icon";
import { paths } from "../shell/paths";

/** Opens the form of a new export, for those who may use a connection. */
export const AddExport = () => {
  const connections = useConnections().data;
  const none = connections?.every(({ may }) => !may.includes("create-export")) ?? false;
  return none ? (
    <ActionButton icon="add" variant="solid" whyNot="No connection is shared with you: ask an administrator to share one with one of your roles.">
      Add export
    </ActionButton>
  ) : (
    <Button asChild>
      <Link to={paths.newExport}>
        <Icon name="add" />
        Add export
      </Link>
    </Button>
  );
};
