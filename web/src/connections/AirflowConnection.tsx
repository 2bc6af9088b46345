import { Box, Button, Stack } from "@chakra-ui/react";
import { useState } from "react";

import { Icon } from "../shared/Icon";
import { TextField } from "../shared/TextField";
import { useSettled } from "../shared/useSettled";
import { FoundInAirflow } from "./FoundInAirflow";
import { SecretForm } from "./SecretForm";
import { useAirflowConnection } from "./useAirflowConnection";

interface Props {
  /** The types of Airflow connections that fit. */
  connTypes: string[];
  onChange: (id: string) => void;
  required: boolean;
  value: string;
}

/** The id of the Airflow connection that holds the secrets: whether it exists, and a form that creates it. */
export const AirflowConnection = ({ connTypes, onChange, required, value }: Props) => {
  const [creating, setCreating] = useState(false);
  const id = useSettled(value.trim());
  const found = useAirflowConnection(id);
  return (
    <Stack gap={2}>
      <TextField
        help="It holds the address and the secrets, which stay in Airflow."
        label="Airflow connection"
        onChange={onChange}
        placeholder="my_partner"
        required={required}
        value={value}
      />
      {id && found.data ? <FoundInAirflow found={found.data} /> : undefined}
      {creating ? (
        <SecretForm
          connTypes={connTypes}
          id={value}
          onClose={(created) => {
            setCreating(false);
            if (created) onChange(created);
            void found.refetch();
          }}
        />
      ) : (
        <Box>
          <Button
            onClick={() => {
              setCreating(true);
            }}
            size="xs"
            variant="outline"
          >
            <Icon name="key" />
            Create an Airflow connection
          </Button>
        </Box>
      )}
    </Stack>
  );
};
