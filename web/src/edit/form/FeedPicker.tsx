import { Box, Checkbox, Fieldset, Flex, Input, Stack, Text } from "@chakra-ui/react";
import { useId, useState } from "react";

import { count } from "../../shared/amount";
import { Icon } from "../../shared/Icon";

export interface Offer {
  /** Its members; null if it has not been refreshed, undefined if it has none. */
  count: number | null | undefined;
  /** What is counted. */
  counts: string;
  /** Whether the connection accepts it. */
  eligible: boolean;
  kind: string;
  name: string;
  says: string;
  title: string;
  /** That it is near or over the target's limit. */
  warning: string;
}

interface Props {
  chosen: string[];
  label: string;
  offers: Offer[];
  onChange: (names: string[]) => void;
}

const FEW = 8;
const MOST = 200;

/** A list to tick, with a search if it is long. What is chosen but cannot be delivered is shown, so that it can be removed. */
export const FeedPicker = ({ chosen, label, offers, onChange }: Props) => {
  const [search, setSearch] = useState("");
  const known = new Set(offers.map(({ name }) => name));
  const missing = chosen.filter((name) => !known.has(name)).map((name): Offer => ({ ...NONE, name, warning: "does not exist" }));
  const offered = [...missing, ...offers.filter(({ eligible, name }) => eligible || chosen.includes(name))];
  const hidden = offers.length + missing.length - offered.length;
  const found = offered.filter((offer) => `${offer.name} ${offer.title} ${offer.says}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <Fieldset.Root>
      <Fieldset.Legend fontSize="sm" fontWeight="medium">{label} ({chosen.length} chosen)</Fieldset.Legend>
      {offered.length > FEW ? (
        <Input
          aria-label={`Search ${label.toLowerCase()}`}
          onChange={(event) => {
            setSearch(event.currentTarget.value);
          }}
          placeholder="Search"
          size="sm"
          value={search}
        />
      ) : undefined}
      <Stack borderRadius="md" borderWidth={1} gap={0} maxH="20rem" overflow="auto">
        {found.slice(0, MOST).map((offer) => (
          <Row
            key={offer.name}
            offer={offer}
            on={chosen.includes(offer.name)}
            onChange={(on) => {
              onChange(on ? [...chosen, offer.name] : chosen.filter((name) => name !== offer.name));
            }}
          />
        ))}
        {found.length === 0 ? <Text color="fg.muted" fontSize="sm" p={3}>Nothing matches.</Text> : undefined}
      </Stack>
      {found.length > MOST ? <Text color="fg.muted" fontSize="sm">{`The first ${MOST} of ${count(found.length)}: search for others.`}</Text> : undefined}
      {hidden > 0 ? <Text color="fg.muted" fontSize="sm">{`${count(hidden)} more cannot be delivered to this connection: it does not accept their kind.`}</Text> : undefined}
    </Fieldset.Root>
  );
};

const NONE: Offer = { count: undefined, counts: "members", eligible: false, kind: "", name: "", says: "", title: "", warning: "" };

const Row = ({ offer, on, onChange }: { offer: Offer; on: boolean; onChange: (on: boolean) => void }) => {
  const warning = useId();
  return (
    <Checkbox.Root
      borderBottomWidth={1}
      checked={on}
      colorPalette="brand"
      onCheckedChange={({ checked }) => {
        onChange(checked === true);
      }}
      px={3}
      py={2}
    >
      <Checkbox.HiddenInput aria-describedby={offer.warning ? warning : undefined} />
      <Checkbox.Control />
      <Box flex="1" minW={0}>
        <Checkbox.Label display="block">
          <Flex columnGap={3} flexWrap="wrap" justify="space-between">
            <Box minW={0}>
              <Text as="span" fontWeight="semibold" overflowWrap="anywhere">{offer.title || offer.name}</Text>
              <Text color="fg.muted" fontSize="xs" fontWeight="normal">{offer.says}</Text>
            </Box>
            <Text as="span" fontSize="sm" fontVariantNumeric="tabular-nums" fontWeight="normal">
              {typeof offer.count === "number" ? `${count(offer.count)} ${offer.counts}` : offer.count === null ? "not refreshed yet" : offer.kind}
            </Text>
          </Flex>
        </Checkbox.Label>
        {offer.warning ? <Text color="warning.fg" fontSize="xs" id={warning}><Icon name="warning" /> {offer.warning}</Text> : undefined}
      </Box>
    </Checkbox.Root>
  );
};
