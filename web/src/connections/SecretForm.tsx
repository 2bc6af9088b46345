import { Button, Field, Fieldset, HStack, SimpleGrid, Text, Textarea } from "@chakra-ui/react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { request } from "../api/request";
import { Choice } from "../shared/Choice";
import { notify } from "../shared/notices";
import { ProblemPanel } from "../shared/ProblemPanel";
import { TextField } from "../shared/TextField";

interface Props {
  connTypes: string[];
  id: string;
  /** With the id of what was created, or nothing. */
  onClose: (created: string) => void;
  /** What is known already, and what is asked for. */
  start?: { extra: string; host: string; loginHelp: string; passwordHelp: string; port: string };
}

const EMPTY = { extra: "", host: "", login: "", password: "", port: "" };

/** Creates an Airflow connection by Airflow's own API. What is typed goes there, and nowhere else. */
export const SecretForm = ({ connTypes, id, onClose, start }: Props) => {
  const [named, setNamed] = useState(id);
  const [type, setType] = useState(connTypes[0] ?? "generic");
  const [typed, setTyped] = useState({ ...EMPTY, extra: start?.extra ?? "", host: start?.host ?? "", port: start?.port ?? "" });
  const create = useMutation({
    gcTime: 0,
    mutationFn: () => request({ body: bodyOf(named, type, typed), method: "POST", url: "api/v2/connections" }),
    onSuccess: () => {
      notify(`Airflow connection ${named.trim()} created`);
      onClose(named.trim());
    },
  });
  const field = (name: keyof typeof EMPTY, label: string, help = "", secret = false) => (
    <TextField
      autoComplete={secret ? "new-password" : "off"}
      help={help}
      label={label}
      onChange={(text) => {
        setTyped({ ...typed, [name]: text });
      }}
      type={secret ? "password" : "text"}
      value={typed[name]}
    />
  );
  return (
    <Fieldset.Root borderRadius="md" borderWidth={1} p={4}>
      <Fieldset.Legend>New Airflow connection</Fieldset.Legend>
      <SimpleGrid columns={{ base: 1, sm: 2 }} gap={4}>
        <TextField label="Connection id" onChange={setNamed} required value={named} />
        <Choice label="Type" onChange={setType} options={[...new Set([...connTypes, "generic"])].map((one) => [one, one] as const)} value={type} />
        {field("host", "Host")}
        {field("port", "Port")}
        {field("login", "Login", start?.loginHelp ?? (type === "aws" ? "The access key id." : ""))}
        {field("password", "Password", start?.passwordHelp ?? (type === "aws" ? "The secret access key." : ""), true)}
      </SimpleGrid>
      <Field.Root>
        <Field.Label>Extra, as JSON</Field.Label>
        <Textarea
          autoComplete="off"
          fontFamily="mono"
          onChange={(event) => {
            setTyped({ ...typed, extra: event.target.value });
          }}
          placeholder={EXTRAS[type] ?? "{}"}
          rows={3}
          spellCheck={false}
          value={typed.extra}
        />
      </Field.Root>
      <Text color="fg.muted" fontSize="sm">This goes to Airflow&apos;s own API. Sluice does not receive it, and it is not shown again.</Text>
      {create.error ? <ProblemPanel error={create.error} /> : undefined}
      <HStack>
        <Button
          disabled={named.trim() === ""}
          loading={create.isPending}
          onClick={() => {
            create.mutate();
          }}
          size="sm"
        >
          Create in Airflow
        </Button>
        <Button
          onClick={() => {
            onClose("");
          }}
          size="sm"
          variant="outline"
        >
          Do not create
        </Button>
      </HStack>
    </Fieldset.Root>
  );
};

const EXTRAS: Partial<Record<string, string>> = {
  aws: '{"region_name": "eu-central-1"}',
  google_cloud_platform: '{"keyfile_dict": {...}}',
  sftp: '{"private_key": "...", "host_key": "..."}',
};

const bodyOf = (id: string, type: string, typed: typeof EMPTY) => ({
  conn_type: type,
  connection_id: id.trim(),
  ...(typed.host ? { host: typed.host } : {}),
  ...(typed.port ? { port: Number(typed.port) } : {}),
  ...(typed.login ? { login: typed.login } : {}),
  ...(typed.password ? { password: typed.password } : {}),
  ...(typed.extra ? { extra: typed.extra } : {}),
});
