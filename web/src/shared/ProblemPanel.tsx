import { Alert, Box, Button, Code, HStack, Link, Stack, Text } from "@chakra-ui/react";

import { LoggedOutError, problemOf } from "../api/problem";
import type { Problem } from "../api/types";
import { Icon } from "./Icon";
import { download } from "./download";

interface Props {
  /** An error of a request, or a problem that an answer contains. */
  error: unknown;
  onRetry?: (() => void) | undefined;
  tone?: "error" | "warning";
}

/** An error as a small page: what and where, the nearest valid, what to do next; a patch to download, the newer text. */
export const ProblemPanel = ({ error, onRetry, tone = "error" }: Props) => {
  const problem = isProblem(error) ? error : problemOf(error);
  return (
    <Alert.Root alignItems="flex-start" role="alert" status={tone}>
      <Icon name={tone === "error" ? "warning" : "info"} />
      <Alert.Content gap={2} minW={0}>
        <Alert.Title overflowWrap="anywhere">{problem.what}</Alert.Title>
        <Alert.Description asChild>
          <Stack gap={2}>
            <Where problem={problem} />
            {problem.nearest ? <Text>Did you mean <Code>{problem.nearest}</Code>?</Text> : undefined}
            {problem.next ? <Text overflowWrap="anywhere">{problem.next}</Text> : undefined}
            <Whole problem={problem} />
            {problem.patch ? <Patch text={problem.patch} /> : undefined}
            {typeof problem.current === "string" ? <Current text={problem.current} /> : undefined}
            <HStack>
              {error instanceof LoggedOutError ? <LogIn /> : undefined}
              {onRetry ? <Button onClick={onRetry} size="xs" variant="outline">Try again</Button> : undefined}
            </HStack>
          </Stack>
        </Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
};

const isProblem = (error: unknown): error is Problem =>
  typeof error === "object" && error !== null && "what" in error && "page" in error;

const Where = ({ problem }: { problem: Problem }) =>
  problem.file ? (
    <Text>
      In <Code overflowWrap="anywhere">{problem.file}{problem.line ? `:${problem.line}:${problem.column}` : ""}</Code>
    </Text>
  ) : undefined;

/** The page as the command line prints it: with the lines of the file around the place. */
const Whole = ({ problem }: { problem: Problem }) =>
  problem.page.includes("\n") ? <Fold text={problem.page} title="The whole message" /> : undefined;

const Current = ({ text }: { text: string }) => <Fold open text={text} title="What the file contains now" />;

const Patch = ({ text }: { text: string }) => (
  <Stack gap={1}>
    <Fold text={text} title="The change" />
    <Box>
      <Button 
        onClick={() => {
          download("change.patch", text, "text/x-diff");
        }}
        size="xs"
        variant="outline"
      >
        <Icon name="download" />
        Download the patch
      </Button>
    </Box>
  </Stack>
);

const Fold = ({ open = false, text, title }: { open?: boolean; text: string; title: string }) => (
  <Box asChild>
    <details open={open}>
      <summary>{title}</summary>
      <Box as="pre" bg="bg" borderRadius="sm" color="fg" fontSize="xs" maxH="20rem" mt={1} overflow="auto" p={2} tabIndex={0}>
        {text}
      </Box>
    </details>
  </Box>
);

const LogIn = () => (
  <Link href={new URL("auth/login", document.baseURI).href} rel="noopener" target="_blank">
    Log in again (opens a tab)
    <Icon name="external" />
  </Link>
);
