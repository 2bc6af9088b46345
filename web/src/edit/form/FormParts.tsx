import { Separator, Stack } from "@chakra-ui/react";

import { kindOf } from "../values";
import { Basics } from "./Basics";
import { ChunksPart } from "./ChunksPart";
import { ConnectionPart } from "./ConnectionPart";
import { FeedsPart } from "./FeedsPart";
import { FieldsPart } from "./FieldsPart";
import { FolderPart } from "./FolderPart";
import { FormatPart } from "./FormatPart";
import { KindPart } from "./KindPart";
import { ModePart } from "./ModePart";
import { SchedulePart } from "./SchedulePart";
import { useValues } from "./useValue";

/** The common keys of an export, in the order in which people decide about them. */
export const FormParts = () => {
  const isSegments = kindOf(useValues()) === "segment-export";
  return (
    <Stack gap={5} separator={<Separator />}>
      <ConnectionPart />
      <KindPart />
      <FeedsPart />
      {isSegments ? <FieldsPart /> : undefined}
      <ModePart />
      <SchedulePart />
      <FormatPart />
      <FolderPart />
      <ChunksPart />
      <Basics />
    </Stack>
  );
};
