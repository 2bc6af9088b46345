import { Text } from "@chakra-ui/react";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { FormProvider, useForm } from "react-hook-form";

import { api } from "../../api/client";
import type { Checked } from "../../api/types";
import { Loading } from "../../shared/Loading";
import { ProblemPanel } from "../../shared/ProblemPanel";
import { declared, type Values } from "../values";
import { FormParts } from "./FormParts";

interface Props {
  checked: (Checked & { of: string }) | undefined;
  onText: (text: string) => void;
  /** Whether the text lacks something that the form already has. */
  onWriting: (writing: boolean) => void;
  text: string;
  /** What the text declares; undefined while it is being read. */
  values: Values | undefined;
}

/** The form. It starts with what the text declares, and each change of it becomes the text. */
export const DraftForm = ({ checked, onText, onWriting, text, values }: Props) => {
  const [start, setStart] = useState<{ text: string; values: Values }>();
  if (!start && values && (text === "" || Object.keys(values).length > 0)) setStart({ text, values });
  if (start) return <Opened onText={onText} onWriting={onWriting} start={start.values} text={start.text} />;
  if (checked?.of !== text) return <Loading what="Reading the text" />;
  return <Text color="fg.muted">The form cannot show this text, because it is not a valid YAML mapping. Correct it in the YAML view.</Text>;
};

const PAUSE = 300;

type OpenedProps = Pick<Props, "onText" | "onWriting"> & { start: Values; text: string };

const Opened = ({ onText, onWriting, start, text }: OpenedProps) => {
  const latest = useRef<Values>(undefined);
  const form = useForm<Values>({ defaultValues: start });
  const write = useMutation({
    mutationFn: (values: Values) => api.post("/api/v1/drafts/text", { body: { family: "export", text, values: declared(values) } }),
    onSuccess: (written, values) => {
      onText(written.text);
      if (latest.current === values) onWriting(false);
    },
    scope: { id: "drafts/text" },
  });
  const { mutate } = write;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = form.subscribe({
      callback: ({ values }) => {
        clearTimeout(timer);
        latest.current = values;
        onWriting(true);
        timer = setTimeout(() => {
          timer = undefined;
          mutate(values);
        }, PAUSE);
      },
      formState: { values: true },
    });
    return () => {
      stop();
      if (timer === undefined) return;
      clearTimeout(timer);
      if (latest.current) mutate(latest.current); // the user has turned to the YAML
    };
  }, [form, mutate, onWriting]);
  return (
    <FormProvider {...form}>
      {write.error ? <ProblemPanel error={write.error} /> : undefined}
      <FormParts />
    </FormProvider>
  );
};
