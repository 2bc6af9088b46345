import { Flex, Heading, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";

import { useMe } from "../api/useMe";
import { ActionButton } from "../shared/ActionButton";
import { some } from "../shared/amount";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Sheet } from "../shared/Sheet";
import { ConnectionDialog } from "./ConnectionDialog";
import { ConnectionRow, type Opened } from "./ConnectionRow";
import { RemoveConnection } from "./RemoveConnection";
import { TestDialog } from "./TestDialog";
import { useConnections } from "./useConnections";

const HEADS = ["Name", "Type", "Airflow connection", { label: "Exports", number: true }, "Shared with", "You", "Actions"] as const;

/** Where exports deliver to. Administrators add, change, test and share connections. */
const Connections = () => {
  const query = useConnections();
  const me = useMe();
  const [open, setOpen] = useState<Opened>();
  const close = () => {
    setOpen(undefined);
  };
  const add = (
    <ActionButton
      icon="add"
      onClick={() => {
        setOpen({ verb: "add" });
      }}
      variant="solid"
      whyNot={me?.may.includes("create-connection") ? "" : "Only administrators create connections."}
    >
      Add connection
    </ActionButton>
  );
  if (!query.data) return <Failed query={query} what="Reading the connections" />;
  return (
    <Stack gap={3}>
      <Flex align="center" flexWrap="wrap" gap={2} justify="space-between">
        <Heading as="h1" size="md">{some(query.data.length, "connection")}</Heading>
        {add}
      </Flex>
      <Text color="fg.muted">
        Secrets are in Airflow&apos;s own connections; a connection here only names one. Administrators share connections
        with roles, and people with these roles export to them.
      </Text>
      {query.data.length === 0 ? (
        <Empty icon="unplug" says="An export delivers to a connection." title="There are no connections yet">{add}</Empty>
      ) : (
        <Sheet heads={[...HEADS]} label="Connections">
          {query.data.map((connection) => (
            <ConnectionRow connection={connection} key={connection.name} onOpen={setOpen} />
          ))}
        </Sheet>
      )}
      {open ? <OpenDialog onClose={close} open={open} /> : undefined}
    </Stack>
  );
};

const OpenDialog = ({ onClose, open }: { onClose: () => void; open: Opened }) => {
  if (open.verb === "add") return <ConnectionDialog onClose={onClose} />;
  if (open.verb === "edit") return <ConnectionDialog connection={open.connection} onClose={onClose} />;
  if (open.verb === "test") return <TestDialog name={open.connection.name} onClose={onClose} />;
  return <RemoveConnection connection={open.connection} onClose={onClose} />;
};

export default Connections;
