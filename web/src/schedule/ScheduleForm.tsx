import { SimpleGrid, Stack } from "@chakra-ui/react";

import { Choice } from "../shared/Choice";
import { TextField } from "../shared/TextField";
import { Ticks } from "../shared/Ticks";
import { HOURS, isByTheClock, type Recurrence, type ScheduleDraft, UNITS, WEEKDAYS } from "./draft";
import { Zone } from "./Zone";

interface Props {
  draft: ScheduleDraft;
  onChange: (draft: ScheduleDraft) => void;
}

const RECURRENCES: readonly (readonly [Recurrence, string])[] = [
  ["with-refresh", "With every system refresh"],
  ["every", "Every few hours"],
  ["daily", "Daily"],
  ["weekly", "Weekly"],
  ["monthly", "Monthly"],
  ["from-start", "Counted from the start"],
  ["cron", "Cron"],
  ["after", "After another export"],
  ["once", "Once"],
];

/** When an export recurs: the recurrence, and what it needs. */
export const ScheduleForm = ({ draft, onChange }: Props) => {
  const change = (part: Partial<ScheduleDraft>) => {
    onChange({ ...draft, ...part });
  };
  return (
    <Stack gap={4}>
      <Choice
        label="Recurrence"
        onChange={(recurrence) => {
          change({ recurrence });
        }}
        options={RECURRENCES}
        value={draft.recurrence}
      />
      <Rule change={change} draft={draft} />
      {isByTheClock(draft.recurrence) ? (
        <SimpleGrid columns={{ base: 1, sm: 2 }} gap={4}>
          {draft.recurrence === "cron" ? undefined : <At change={change} draft={draft} />}
          <Zone
            onChange={(timezone) => {
              change({ timezone });
            }}
            value={draft.timezone}
          />
        </SimpleGrid>
      ) : undefined}
      {draft.recurrence === "once" ? undefined : <Bounds change={change} draft={draft} />}
    </Stack>
  );
};

interface PartProps {
  change: (part: Partial<ScheduleDraft>) => void;
  draft: ScheduleDraft;
}

const Rule = ({ change, draft }: PartProps) => {
  switch (draft.recurrence) {
    case "after":
      return (
        <TextField
          help="It starts when that export has delivered."
          label="Name of the other export"
          onChange={(after) => {
            change({ after });
          }}
          value={draft.after}
        />
      );
    case "cron":
      return (
        <TextField
          fontFamily="mono"
          help="Minute, hour, day, month and weekday."
          label="Cron schedule"
          onChange={(cron) => {
            change({ cron });
          }}
          value={draft.cron}
        />
      );
    case "every":
      return (
        <Choice
          label="Interval"
          onChange={(hours) => {
            change({ hours: Number(hours) });
          }}
          options={HOURS.map((hours) => [String(hours), hours === 1 ? "Every hour" : `Every ${hours} hours`] as const)}
          value={String(draft.hours)}
        />
      );
    case "from-start":
      return (
        <Choice
          help="In months without the day of the start, the last day."
          label="Interval"
          onChange={(unit) => {
            change({ unit });
          }}
          options={UNITS.map((unit) => [unit, `Every ${unit}`] as const)}
          value={draft.unit}
        />
      );
    case "monthly":
      return (
        <Choice
          help={draft.day > 28 ? "In shorter months, the last day." : ""}
          label="Day of the month"
          onChange={(day) => {
            change({ day: Number(day) });
          }}
          options={Array.from({ length: 31 }, (_, day) => [String(day + 1), day === 30 ? "31 (the last day)" : String(day + 1)] as const)}
          value={String(draft.day)}
        />
      );
    case "once":
      return (
        <TextField
          help="In your time zone. Without a time, it runs as soon as it is saved."
          label="Date and time"
          onChange={(once) => {
            change({ once });
          }}
          type="datetime-local"
          value={draft.once}
        />
      );
    case "weekly":
      return (
        <Ticks
          label="Days"
          onChange={(days) => {
            change({ days });
          }}
          options={WEEKDAYS}
          values={draft.days}
        />
      );
    default:
      return undefined;
  }
};

const At = ({ change, draft }: PartProps) => (
  <TextField
    help={draft.recurrence === "every" ? "The hours are counted from here." : ""}
    label="Time of day"
    onChange={(at) => {
      change({ at });
    }}
    type="time"
    value={draft.at}
  />
);

const Bounds = ({ change, draft }: PartProps) => (
  <SimpleGrid columns={{ base: 1, sm: 2 }} gap={4}>
    <TextField
      help={
        draft.recurrence === "from-start"
          ? "The first run, in UTC unless it names a time zone: 2026-12-01 06:30 America/New_York"
          : "No run before. A date counts from its first moment, in UTC."
      }
      label="Start"
      onChange={(start) => {
        change({ start });
      }}
      placeholder="2026-12-01"
      value={draft.start}
    />
    <TextField
      help="No run after. A date counts to its last moment, in UTC."
      label="End"
      onChange={(end) => {
        change({ end });
      }}
      placeholder="2027-12-01"
      value={draft.end}
    />
  </SimpleGrid>
);
