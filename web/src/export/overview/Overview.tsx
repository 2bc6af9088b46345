import { Grid, Stack, Text } from "@chakra-ui/react";

import type { ExportDetail } from "../../api/types";
import { Pre } from "../../shared/Pre";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { Section } from "../../shared/Section";
import { Feeds } from "./Feeds";
import { Reason } from "./Reason";
import { Rights } from "./Rights";
import { Schedule } from "./Schedule";
import { inWords } from "./inWords";

/** What an export is, how it is doing, when it runs, what it is made of, and who may change it. */
export const Overview = ({ detail }: { detail: ExportDetail }) => (
  <Stack gap={6}>
    <Reason detail={detail} />
    {detail.errors.map((problem) => <ProblemPanel error={problem} key={problem.page} />)}
    {detail.warnings.map((problem) => <ProblemPanel error={problem} key={problem.page} tone="warning" />)}
    <Section title="What it does">
      <Text maxW="80ch">{inWords(detail)}</Text>
      {detail.description ? <Text color="fg.muted" maxW="80ch" whiteSpace="pre-line">{detail.description}</Text> : undefined}
    </Section>
    {detail.feeds.length > 0 ? <Feeds detail={detail} /> : undefined}
    <Grid gap={6} templateColumns={{ base: "minmax(0, 1fr)", lg: "minmax(0, 1fr) minmax(0, 1fr)" }}>
      <Schedule detail={detail} />
      <Rights detail={detail} />
    </Grid>
    <Section title="Declaration">
      <Text color="fg.muted" fontFamily="mono" fontSize="xs">{detail.file}</Text>
      <Pre label="The declaration as YAML" text={detail.text} />
    </Section>
    {detail.plan ? (
      <Section title="Plan of a run now">
        <Pre label="The plan" text={detail.plan} />
      </Section>
    ) : undefined}
  </Stack>
);
