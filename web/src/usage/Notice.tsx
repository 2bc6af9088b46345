import { Alert } from "@chakra-ui/react";

import type { UsageView } from "../api/types";
import { Icon } from "../shared/Icon";

const THEN: Record<string, string> = {
  hold: "Runs that would exceed it are held.",
  refuse: "Runs that would exceed it fail.",
  warn: "Runs that exceed it warn.",
};

/** Says that the licence is used up, or will be. */
export const Notice = ({ usage }: { usage: UsageView }) => {
  const says = wordsOf(usage);
  return says ? (
    <Alert.Root flexShrink={0} status="warning">
      <Icon name="warning" />
      <Alert.Title>{says}</Alert.Title>
    </Alert.Root>
  ) : undefined;
};

const wordsOf = ({ entitlement, forecast, over, used, warns_from }: UsageView): string => {
  if (typeof entitlement !== "number") return "";
  const then = THEN[over] ?? "";
  if (used > entitlement) return `More was delivered than the licence grants. ${then}`;
  if (used >= (warns_from ?? entitlement)) return `Most of the licence is used. ${then}`;
  return (forecast ?? 0) > entitlement ? `At this rate, the licence will be used up before the contract year ends. ${then}` : "";
};
