import { Input, NativeSelect, Table } from "@chakra-ui/react";

import type { WorkbenchLimits } from "../api/types";
import { count } from "../shared/amount";
import { IconButton } from "../shared/IconButton";
import { type Chosen, type Role, ROLES } from "./files";

interface Props {
  chosen: Chosen;
  limits: WorkbenchLimits;
  onChange: (change: Partial<Chosen>) => void;
  onRemove: () => void;
}

/** A file that was chosen: what it is, by its name or by hand, and the name that its export gets. */
export const FileRow = ({ chosen: { as, file, role }, limits, onChange, onRemove }: Props) => (
  <Table.Row>
    <Table.Cell overflowWrap="anywhere">{file.name}</Table.Cell>
    <Table.Cell textAlign="end">{count(file.size)}</Table.Cell>
    <Table.Cell>
      <NativeSelect.Root minW="13rem" size="sm">
        <NativeSelect.Field
          aria-label={`What ${file.name} is`}
          onChange={({ target }) => {
            onChange({ role: target.value as Role | "" });
          }}
          value={role}
        >
          <option value="">Choose what it is</option>
          {Object.entries(ROLES).map(([one, says]) => (
            <option key={one} value={one}>{limits.names[one]}: {says}</option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </Table.Cell>
    <Table.Cell>
      {role === "exports" ? (
        <Input
          aria-label={`Name of the export of ${file.name}`}
          autoComplete="off"
          minW="9rem"
          onChange={({ target }) => {
            onChange({ as: target.value });
          }}
          size="sm"
          value={as}
        />
      ) : undefined}
    </Table.Cell>
    <Table.Cell><IconButton icon="close" label={`Remove ${file.name}`} onClick={onRemove} /></Table.Cell>
  </Table.Row>
);
