import { Box, Button, HStack, Stack, Text } from "@chakra-ui/react";
import { useEffect, useRef } from "react";

import type { WorkbenchLimits } from "../api/types";
import { bytes, count } from "../shared/amount";
import { Icon } from "../shared/Icon";
import { Sheet } from "../shared/Sheet";
import { TextField } from "../shared/TextField";
import { Toggle } from "../shared/Toggle";
import { FileRow } from "./FileRow";
import { type Chosen, type Options, sizeOf, withFiles } from "./files";

interface Props {
  chosen: Chosen[];
  limits: WorkbenchLimits;
  onChange: (change: (chosen: Chosen[]) => Chosen[]) => void;
  onOptions: (options: Options) => void;
  options: Options;
}

/** The files to import: chosen, or dropped anywhere in the window. */
export const ChooseFiles = ({ chosen, limits, onChange, onOptions, options }: Props) => {
  const input = useRef<HTMLInputElement>(null);
  const add = (files: FileList | null) => {
    const given = [...(files ?? [])];
    onChange((now) => withFiles(now, given, limits.names));
  };
  useDropped(add);
  return (
    <Stack gap={4}>
      <Text>
        Choose the <code>.export</code> files and, if you have them, the server&apos;s <code>.cfg</code> files. Nothing is written
        yet: you first see how each parameter is imported. The files go to Airflow&apos;s API server, which does not keep them; a
        secret in them is neither stored nor sent back.
      </Text>
      <Box borderRadius="md" borderStyle="dashed" borderWidth={2} p={4} textAlign="center">
        <input
          hidden
          multiple
          onChange={({ target }) => {
            add(target.files);
            target.value = ""; // so that the same file can be chosen again
          }}
          ref={input}
          type="file"
        />
        <HStack flexWrap="wrap" justify="center">
          <Button onClick={() => input.current?.click()} variant="outline">
            <Icon name="upload" />
            Choose files
          </Button>
          <Text>or drop them here</Text>
        </HStack>
        <Text color="fg.muted" fontSize="sm" mt={2}>
          At most {count(limits.exports)} exports, and {count(limits.bytes)} bytes ({bytes(limits.bytes)}) altogether
        </Text>
      </Box>
      {chosen.length > 0 ? (
        <>
          <Sheet heads={["File", { label: "Bytes", number: true }, "What it is", "Name of the export", "Remove"]} label="Files">
            {chosen.map((one) => (
              <FileRow
                chosen={one}
                key={one.file.name}
                limits={limits}
                onChange={(change) => {
                  onChange((now) => now.map((other) => (other === one ? { ...one, ...change } : other)));
                }}
                onRemove={() => {
                  onChange((now) => now.filter((other) => other !== one));
                }}
              />
            ))}
          </Sheet>
          <Text aria-live="polite" color="fg.muted" fontSize="sm">{count(chosen.length)} chosen, {count(sizeOf(chosen))} bytes</Text>
        </>
      ) : undefined}
      <Toggle
        help="Otherwise an export without a schedule runs as soon as Airflow sees it, even if its secrets are not stored yet. Schedule switches them on later."
        label="Import the exports switched off"
        on={options.switched_off}
        onChange={(off) => {
          onOptions({ ...options, switched_off: off });
        }}
      />
      <TextField
        help="Only for exports that have customer attributes. It is declared if it does not exist; without it, they have no connection."
        label="Connection for customer attributes"
        onChange={(crs) => {
          onOptions({ ...options, crs });
        }}
        value={options.crs}
      />
    </Stack>
  );
};

/** Takes files that are dropped anywhere: beside a target, the browser would leave the page for them. */
const useDropped = (add: (files: FileList | null) => void) => {
  const latest = useRef(add);
  useEffect(() => {
    latest.current = add;
  });
  useEffect(() => {
    const onDrag = (event: DragEvent) => {
      event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      latest.current(event.dataTransfer?.files ?? null);
    };
    window.addEventListener("dragover", onDrag);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("dragover", onDrag);
      window.removeEventListener("drop", onDrop);
    };
  }, []);
};
