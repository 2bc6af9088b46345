import { Field, NativeSelect } from "@chakra-ui/react";

import { useConnections } from "../connections/useConnections";
import { Failed } from "../shared/Failed";

interface Props {
  onChange: (name: string) => void;
  value: string;
}

/** One of the connections that the user may use. */
export const ChooseConnection = ({ onChange, value }: Props) => {
  const query = useConnections();
  if (!query.data) return <Failed query={query} what="Reading the connections" />;
  const usable = query.data.filter(({ may }) => may.includes("create-export"));
  return (
    <Field.Root required>
      <Field.Label>Connection</Field.Label>
      <NativeSelect.Root>
        <NativeSelect.Field
          onChange={(event) => {
            onChange(event.target.value);
          }}
          placeholder={usable.length > 0 ? "Choose a connection" : "No connection is shared with you"}
          value={value}
        >
          {usable.map(({ name, title, type }) => (
            <option key={name} value={name}>
              {title && title !== name ? `${title} (${name}, ${type})` : `${name} (${type})`}
            </option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
      <Field.HelperText>
        {usable.length < query.data.length ? "Connections that are not shared with you are not offered: ask an administrator." : ""}
      </Field.HelperText>
    </Field.Root>
  );
};
