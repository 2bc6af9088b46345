import { SimpleGrid, Stack } from "@chakra-ui/react";

import { Choice } from "../shared/Choice";
import { TextField } from "../shared/TextField";
import { Toggle } from "../shared/Toggle";

export interface Window {
  /** A local time, as the browser's field writes it. */
  after: string;
  by: "" | "day" | "hour" | "month" | "week";
  until: string;
  /** Whether exports that follow this one start too. */
  wake: boolean;
}

interface Props {
  onChange: (window: Window) => void;
  window: Window;
}

const SLICES = [
  ["", "As the schedule does, or a day"],
  ["hour", "An hour"],
  ["day", "A day"],
  ["week", "A week"],
  ["month", "A month"],
] as const;

/** The window of a backfill, and the slices it is delivered in. */
export const Backfill = ({ onChange, window }: Props) => (
  <Stack gap={4}>
    <SimpleGrid columns={{ base: 1, sm: 3 }} gap={4}>
      <TextField
        help="In your time zone, not included."
        label="After"
        onChange={(after) => {
          onChange({ ...window, after });
        }}
        required
        type="datetime-local"
        value={window.after}
      />
      <TextField
        help="Included."
        label="Until"
        onChange={(until) => {
          onChange({ ...window, until });
        }}
        required
        type="datetime-local"
        value={window.until}
      />
      <Choice
        help="One run for each."
        label="In slices of"
        onChange={(by) => {
          onChange({ ...window, by });
        }}
        options={SLICES}
        value={window.by}
      />
    </SimpleGrid>
    <Toggle
      help="By default, what is delivered again does not start them."
      label="Start the exports that follow this one"
      on={window.wake}
      onChange={(wake) => {
        onChange({ ...window, wake });
      }}
    />
  </Stack>
);
