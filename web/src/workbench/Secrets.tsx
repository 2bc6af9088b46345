import { Box, Button, Code, Heading, HStack, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";

import type { NeededConnection } from "../api/types";
import { FoundInAirflow } from "../connections/FoundInAirflow";
import { SecretForm } from "../connections/SecretForm";
import { isMissing, useAirflowConnection } from "../connections/useAirflowConnection";
import { Icon } from "../shared/Icon";
import { Pre } from "../shared/Pre";

/** The Airflow connections that the secrets belong in: a form for each, or the command that asks for them. */
export const Secrets = ({ needed }: { needed: NeededConnection[] }) => (
  <Stack gap={5}>
    <Text>The secrets of the files are not imported. Enter them here, or run the command: it asks for them.</Text>
    {needed.map((one) => <Needed key={one.id} needed={one} />)}
  </Stack>
);

const Needed = ({ needed }: { needed: NeededConnection }) => {
  const found = useAirflowConnection(needed.id);
  const isThere = found.data !== undefined && !isMissing(found.data);
  return (
    <Stack aria-label={needed.id} as="section" gap={2}>
      <HStack flexWrap="wrap">
        <Heading as="h3" size="sm"><Code>{needed.id}</Code></Heading>
        {found.data ? <FoundInAirflow found={found.data} /> : undefined}
      </HStack>
      {isThere ? undefined : <Create needed={needed} onCreated={() => void found.refetch()} />}
    </Stack>
  );
};

const Create = ({ needed, onCreated }: { needed: NeededConnection; onCreated: () => void }) => {
  const [creating, setCreating] = useState(false);
  return (
    <>
      {creating ? (
        <SecretForm
          connTypes={[needed.type]}
          id={needed.id}
          onClose={() => {
            setCreating(false);
            onCreated();
          }}
          start={startOf(needed)}
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
            Create {needed.id}
          </Button>
        </Box>
      )}
      <Pre label={`The command that stores ${needed.id}`} text={needed.command} />
    </>
  );
};

/** What the form starts with: all but the secrets. `@NAME` stands for one, and says which. */
const startOf = ({ extra, host, login, password, port }: NeededConnection) => {
  const values = Object.entries(extra).map(([key, value]) => [key, isSecret(value) ? "" : value] as const);
  return {
    extra: values.length > 0 ? JSON.stringify(Object.fromEntries(values)) : "",
    host,
    loginHelp: inWords(login),
    passwordHelp: inWords(password),
    port,
  };
};

const isSecret = (value: string): boolean => value.startsWith("@");

/** `@S3_ACCESS_KEY`: "S3 access key". */
const inWords = (name: string): string => {
  const [first = "", ...others] = name.replace(/^@/u, "").split("_");
  return [first, ...others.map((word) => (word === "ID" ? word : word.toLowerCase()))].join(" ");
};
