import { Stack } from "@chakra-ui/react";
import { useFormContext } from "react-hook-form";

import { Failed } from "../../shared/Failed";
import { KINDS, kindOf, texts, type Values } from "../values";
import { useChosenConnection } from "./ConnectionPart";
import { FeedPicker } from "./FeedPicker";
import { OverLimitPart } from "./OverLimitPart";
import { FEEDS, useOffers } from "./useOffers";
import { useValue, useValues } from "./useValue";

/** What is delivered: segments with their member counts, or datasets. Only those that the connection accepts are offered. */
export const FeedsPart = () => {
  const { setValue } = useFormContext<Values>();
  const values = useValues();
  const kind = kindOf(values);
  const { feeds } = KINDS[kind];
  const [value] = useValue(feeds);
  const { offers, query } = useOffers(kind, useChosenConnection(), values.over_limit === "split");
  if (!offers) return <Failed query={query} what="Reading the catalog" />;
  return (
    <Stack gap={3}>
      <FeedPicker
        chosen={texts(value)}
        label={FEEDS[feeds]}
        onChange={(names) => {
          setValue(feeds, names, { shouldDirty: true });
        }}
        offers={offers}
      />
      {kind === "segment-export" ? <OverLimitPart /> : undefined}
    </Stack>
  );
};
