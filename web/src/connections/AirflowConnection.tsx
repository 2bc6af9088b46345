import { Box, Button, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { ProblemError } from "../api/problem";
import { request } from "../api/request";
import { Icon } from "../shared/Icon";
import { TextField } from "../shared/TextField";
import { useSettled } from "../shared/useSettled";
import { SecretForm } from "./SecretForm";

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
  const found = useQuery({
    enabled: id !== "",
    queryFn: ({ signal }) => lookUp(id, signal),
    queryKey: ["airflow connection", id],
  });
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
      {id && found.data ? (
        <Text aria-live="polite" color="fg.muted" fontSize="sm">
          <Icon name={found.data === "absent" ? "warning" : "check"} /> {says(found.data)}
        </Text>
      ) : undefined}
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

/** Its type; `absent` if Airflow's database has none, `hidden` if the user may not know. */
const lookUp = async (id: string, signal: AbortSignal): Promise<string> => {
  try {
    const found = await request({ method: "GET", signal, url: `api/v2/connections/${encodeURIComponent(id)}` });
    return (found as { conn_type: string }).conn_type;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return "absent";
    if (error instanceof ProblemError) return "hidden";
    throw error;
  }
};

const says = (found: string): string => {
  if (found === "absent") return "Airflow's database has none of this name. It may be in the environment or a secrets backend.";
  return found === "hidden" ? "You may not see Airflow's connections." : `Airflow has it, of type ${found}.`;
};
