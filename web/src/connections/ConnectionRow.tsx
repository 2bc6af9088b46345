import { Badge, Code, HStack, Link, Table, Text } from "@chakra-ui/react";
import { Link as RouterLink } from "react-router-dom";

import type { ConnectionView } from "../api/types";
import { count } from "../shared/amount";
import { DestinationIcon } from "../shared/DestinationIcon";
import { Hint } from "../shared/Hint";
import { IconButton } from "../shared/IconButton";
import { StatusBadge } from "../shared/StatusBadge";
import { paths } from "../shell/paths";

/** What is done to a connection; without one, it is added. */
export type Opened = { connection: ConnectionView; verb: "edit" | "remove" | "test" } | { verb: "add" };

interface Props {
  connection: ConnectionView;
  onOpen: (opened: Opened) => void;
}

/** One connection, with as much of it as the user may see. */
export const ConnectionRow = ({ connection, onOpen }: Props) => (
  <Table.Row>
    <Table.Cell>
      <Text fontWeight="bold">{connection.title || connection.name}</Text>
      <Text color="fg.muted" fontSize="xs">{connection.name}</Text>
    </Table.Cell>
    <Table.Cell>
      {connection.type ? (
        <HStack gap={2}>
          <DestinationIcon type={connection.type} />
          {connection.type}
        </HStack>
      ) : (
        <StatusBadge status="broken" why={connection.errors.map(({ page }) => page).join("\n\n")} />
      )}
    </Table.Cell>
    <Table.Cell>{connection.airflow_conn_id ? <Code>{connection.airflow_conn_id}</Code> : undefined}</Table.Cell>
    <Table.Cell textAlign="end">
      {connection.exports > 0 ? (
        <Link asChild color="fg.info">
          <RouterLink to={`${paths.list}?connection=${encodeURIComponent(connection.name)}`}>{count(connection.exports)}</RouterLink>
        </Link>
      ) : (
        "0"
      )}
    </Table.Cell>
    <Table.Cell>
      <HStack flexWrap="wrap" gap={1}>
        {connection.shared_with.map((role) => (
          <Badge key={role} variant="surface">{role}</Badge>
        ))}
      </HStack>
    </Table.Cell>
    <Table.Cell>
      <Yours connection={connection} />
    </Table.Cell>
    <Table.Cell>
      <Buttons connection={connection} onOpen={onOpen} />
    </Table.Cell>
  </Table.Row>
);

const Yours = ({ connection }: { connection: ConnectionView }) =>
  connection.may.includes("create-export") ? (
    <Text>may use it</Text>
  ) : (
    <Hint focusable says={`Ask an administrator to share the connection ${connection.title || connection.name} with one of your roles.`}>
      <Text as="span" color="fg.muted">see it only</Text>
    </Hint>
  );

const Buttons = ({ connection, onOpen }: Props) => {
  const { may, name } = connection;
  return (
    <HStack gap={0}>
      {may.includes("test-connection") ? (
        <IconButton
          icon="check"
          label={`Test connection ${name}`}
          onClick={() => {
            onOpen({ connection, verb: "test" });
          }}
        />
      ) : undefined}
      {may.includes("edit-connection") ? (
        <IconButton
          icon="edit"
          label={`Edit connection ${name}`}
          onClick={() => {
            onOpen({ connection, verb: "edit" });
          }}
        />
      ) : undefined}
      {may.includes("remove-connection") ? (
        <IconButton
          colorPalette="danger"
          icon="remove"
          label={`Remove connection ${name}`}
          onClick={() => {
            onOpen({ connection, verb: "remove" });
          }}
        />
      ) : undefined}
    </HStack>
  );
};
