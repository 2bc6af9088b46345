import { SimpleGrid } from "@chakra-ui/react";

import { TextField } from "../../shared/TextField";
import { mapping, text } from "../values";
import { useValue } from "./useValue";

const NUMBERS = [
  ["records", "Records per chunk", "Default: 250,000, or the connection's. One chunk is one file.", 1],
  ["threads", "Threads", "Chunks that one shard sends in parallel, 1 to 24. Default: 12.", 1],
  ["retries", "Retries of a chunk", "Default: 3, or the connection's.", 0],
] as const;

/** How rows are cut into chunks and sent. */
export const ChunksPart = () => {
  const [value, change] = useValue("chunks");
  const chunks = mapping(value);
  return (
    <SimpleGrid columns={{ base: 1, sm: 3 }} gap={4}>
      {NUMBERS.map(([key, label, help, least]) => (
        <TextField
          help={help}
          inputMode="numeric"
          key={key}
          label={label}
          min={least}
          onChange={(next) => {
            change({ ...chunks, [key]: next === "" ? undefined : Number(next) });
          }}
          type="number"
          value={text(chunks[key])}
        />
      ))}
    </SimpleGrid>
  );
};
