import { Box, Grid, Heading, HStack, Stack } from "@chakra-ui/react";
import { lazy, Suspense, useState } from "react";

import { Loading } from "../shared/Loading";
import { ProblemPanel } from "../shared/ProblemPanel";
import { DraftForm } from "./form/DraftForm";
import { LeaveGuard } from "./LeaveGuard";
import { NameField } from "./NameField";
import { SaveBar } from "./SaveBar";
import { SidePanel } from "./side/SidePanel";
import { StaleDialog } from "./StaleDialog";
import { useChecked } from "./useDraft";
import { type Saved, useSave } from "./useSave";
import type { Values } from "./values";
import { ViewSwitch } from "./ViewSwitch";

const YamlEditor = lazy(() => import("./yaml/YamlEditor"));

interface Props {
  /** Where *Cancel* leads. */
  back: string;
  /** Of an export that is edited. */
  name?: string;
  saved?: Saved;
  /** Of a new one: what was chosen elsewhere. */
  start?: Values;
  title: string;
}

/** An export that is being written: a form and an editor of one text, and what the text would do. */
export const DraftPage = ({ back, name: known = "", saved, start = {}, title }: Props) => {
  const [base, setBase] = useState(saved);
  const [text, setText] = useState(saved?.text ?? "");
  const [name, setName] = useState(known);
  const [view, setView] = useState<"form" | "yaml">("form");
  const [writing, setWriting] = useState(false);
  const checked = useChecked(name, text, !base);
  const save = useSave({ base, name, text });
  const values = text === "" ? start : checked.data?.of === text ? checked.data.values : undefined;
  const changed = (writing || text !== (base?.text ?? "")) && !save.isSuccess;
  return (
    <Stack gap={4} pb={4}>
      <LeaveGuard changed={changed} />
      <HStack flexWrap="wrap" justify="space-between">
        <Heading as="h1" overflowWrap="anywhere" size="md">{title}</Heading>
        <SaveBar back={back} changed={changed} checked={checked.data} name={name} save={save} writing={writing} />
      </HStack>
      {save.error && !save.stale ? <ProblemPanel error={save.error} /> : undefined}
      <Grid gap={6} templateColumns={{ base: "minmax(0, 1fr)", xl: "minmax(0, 1fr) minmax(0, 1fr)" }}>
        <Stack gap={4} minW={0}>
          {known ? undefined : <NameField name={name} onChange={setName} />}
          <ViewSwitch onChange={setView} view={view} />
          {view === "form" ? (
            <DraftForm checked={checked.data} key={base?.tag ?? "new"} onText={setText} onWriting={setWriting} text={text} values={values} />
          ) : (
            <Suspense fallback={<Loading what="Loading the editor" />}>
              <YamlEditor errors={checked.data?.of === text ? [...checked.data.errors, ...checked.data.warnings] : []} onChange={setText} text={text} />
            </Suspense>
          )}
        </Stack>
        <Box alignSelf="start" maxH={{ xl: "calc(100vh - 8rem)" }} minW={0} overflow={{ xl: "auto" }} position={{ xl: "sticky" }} top={0}>
          <SidePanel checked={checked} isNew={!base} name={name} old={base?.text ?? ""} text={text} />
        </Box>
      </Grid>
      {save.stale ? (
        <StaleDialog
          mine={text}
          onClose={save.reset}
          onMine={(current) => {
            setBase(current);
            save.reset();
          }}
          onTheirs={(current) => {
            setBase(current);
            setText(current.text);
            save.reset();
          }}
          name={name}
          theirs={save.stale}
        />
      ) : undefined}
    </Stack>
  );
};
