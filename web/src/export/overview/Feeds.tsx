import { Checkbox, HStack, Table, Text } from "@chakra-ui/react";
import { useState } from "react";

import type { ExportDetail, FeedView } from "../../api/types";
import { FEEDS } from "../../edit/form/useOffers";
import { KINDS, kindOf } from "../../edit/values";
import { count } from "../../shared/amount";
import { ActionButton } from "../../shared/ActionButton";
import { Section } from "../../shared/Section";
import { Sheet } from "../../shared/Sheet";
import { AddFeeds } from "./AddFeeds";
import { RemoveFeeds } from "./RemoveFeeds";

const MOST_FIELDS = 8;

/** The feeds of an export: what each delivers, and where. Those who may edit the export add some and remove others. */
export const Feeds = ({ detail }: { detail: ExportDetail }) => {
  const { feeds, may } = detail;
  const [chosen, setChosen] = useState<string[]>([]);
  const [open, setOpen] = useState<"add" | "remove">();
  const edits = may.includes("edit-export");
  const word = FEEDS[KINDS[kindOf(detail.values)].feeds].toLowerCase();
  const close = () => {
    setOpen(undefined);
  };
  return (
    <Section title={`Feeds (${feeds.length})`}>
      {edits ? (
        <HStack flexWrap="wrap">
          <ActionButton
            icon="add"
            onClick={() => {
              setOpen("add");
            }}
            size="sm"
          >
            {`Add ${word}`}
          </ActionButton>
          <ActionButton
            icon="remove"
            onClick={() => {
              setOpen("remove");
            }}
            size="sm"
            whyNot={whyNotRemove(chosen.length, feeds.length, word)}
          >
            {`Remove ${word}`}
          </ActionButton>
        </HStack>
      ) : undefined}
      <Sheet heads={[...(edits ? ["Choose"] : []), "Feed", "Dataset", { label: "Members", number: true }, "Rule", "Fields", "First file"]} label="Feeds">
        {feeds.map((feed) => (
          <Table.Row key={feed.name}>
            {edits ? (
              <Table.Cell>
                <Tick
                  name={feed.name}
                  on={chosen.includes(feed.name)}
                  onChange={(on) => {
                    setChosen(on ? [...chosen, feed.name] : chosen.filter((name) => name !== feed.name));
                  }}
                />
              </Table.Cell>
            ) : undefined}
            <Cells feed={feed} />
          </Table.Row>
        ))}
      </Sheet>
      {feeds.some(notRefreshed) ? (
        <Text color="fg.muted" fontSize="sm">Members are counted by the system refresh, which has not evaluated every segment yet.</Text>
      ) : undefined}
      {open === "add" ? <AddFeeds detail={detail} onClose={close} /> : undefined}
      {open === "remove" ? (
        <RemoveFeeds
          detail={detail}
          names={chosen}
          onClose={close}
          onDone={() => {
            setChosen([]);
          }}
        />
      ) : undefined}
    </Section>
  );
};

const whyNotRemove = (chosen: number, all: number, word: string): string => {
  if (chosen === 0) return `Choose the ${word} to remove first.`;
  return chosen === all ? "An export delivers at least one: remove the export instead." : "";
};

const Tick = ({ name, on, onChange }: { name: string; on: boolean; onChange: (on: boolean) => void }) => (
  <Checkbox.Root
    aria-label={`Choose ${name}`}
    checked={on}
    colorPalette="brand"
    onCheckedChange={({ checked }) => {
      onChange(checked === true);
    }}
  >
    <Checkbox.HiddenInput aria-label={`Choose ${name}`} />
    <Checkbox.Control />
  </Checkbox.Root>
);

const Cells = ({ feed }: { feed: FeedView }) => (
  <>
    <Table.Cell fontWeight="semibold">{feed.name}</Table.Cell>
    <Table.Cell>{feed.dataset}</Table.Cell>
    <Table.Cell fontVariantNumeric="tabular-nums" textAlign="end">{membersOf(feed)}</Table.Cell>
    <Table.Cell fontFamily="mono" fontSize="xs" maxW="20rem" whiteSpace="normal">{feed.rule || "-"}</Table.Cell>
    <Table.Cell maxW="18rem" whiteSpace="normal">{fieldsOf(feed.fields)}</Table.Cell>
    <Table.Cell fontFamily="mono" fontSize="xs" maxW="24rem" overflowWrap="anywhere" whiteSpace="normal">{firstFile(feed)}</Table.Cell>
  </>
);

const notRefreshed = (feed: FeedView): boolean => feed.segment !== "" && typeof feed.members !== "number";

const membersOf = (feed: FeedView): string => {
  if (typeof feed.members === "number") return `${count(feed.members)}${feed.accounts ? " accounts" : ""}`;
  return feed.segment ? "not refreshed yet" : "all rows";
};

const fieldsOf = (fields: string[]): string => {
  if (fields.length === 0) return "all";
  const rest = fields.length - MOST_FIELDS;
  return `${fields.slice(0, MOST_FIELDS).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
};

const firstFile = ({ first_part: part, folder }: FeedView): string => [folder, part].filter(Boolean).join("/");
