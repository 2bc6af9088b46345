import { Box, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { api } from "../../api/client";
import type { Problem } from "../../api/types";
import { createEditor, type Editor } from "./createEditor";

interface Props {
  /** Errors and warnings of the text, with their places. */
  errors: Problem[];
  onChange: (text: string) => void;
  text: string;
}

/** The whole declaration as YAML: marks at errors, completion of keys and values. */
export const YamlEditor = ({ errors, onChange, text }: Props) => {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(undefined);
  const latest = useRef({ onChange, text });
  const schema = useQuery({
    queryFn: ({ signal }) => api.get("/api/v1/schema/{family}", { path: { family: "export" }, signal }),
    queryKey: ["schema", "export"],
    staleTime: Infinity,
  }).data;
  useEffect(() => {
    latest.current = { onChange, text };
    editor.current?.show(text);
  }, [onChange, text]);
  useEffect(() => {
    if (!place.current) return undefined;
    const made = createEditor(place.current, latest.current.text, (next) => {
      latest.current.onChange(next);
    });
    editor.current = made;
    return () => {
      made.destroy();
    };
  }, []);
  useEffect(() => {
    if (schema) editor.current?.complete(schema);
  }, [schema]);
  useEffect(() => {
    editor.current?.mark(errors);
  }, [errors]);
  return (
    <Box>
      <Box borderRadius="md" borderWidth={1} fontSize="sm" minH="24rem" overflow="hidden" ref={place} />
      <Text color="fg.muted" fontSize="xs" mt={1}>Control and space: what can be written here. Escape, then Tab: leave the editor.</Text>
    </Box>
  );
};

export default YamlEditor;
