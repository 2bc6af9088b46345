import { Field, Stack, Textarea } from "@chakra-ui/react";

import { TextField } from "../../shared/TextField";
import { text } from "../values";
import { useValue } from "./useValue";

/** What people call it, what it is for, and who is responsible. */
export const Basics = () => {
  const [title, setTitle] = useValue("title");
  const [owner, setOwner] = useValue("owner");
  const [description, setDescription] = useValue("description");
  return (
    <Stack gap={4}>
      <TextField help="Default: its name." label="Title" onChange={setTitle} value={text(title)} />
      <TextField help="The person or team that is responsible." label="Owner" onChange={setOwner} value={text(owner)} />
      <Field.Root>
        <Field.Label>Description</Field.Label>
        <Textarea
          onChange={(event) => {
            setDescription(event.currentTarget.value);
          }}
          rows={3}
          value={text(description)}
        />
      </Field.Root>
    </Stack>
  );
};
