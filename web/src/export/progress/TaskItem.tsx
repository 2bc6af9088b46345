import { Box, Flex, Stack, Text } from "@chakra-ui/react";

import type { ReactNode } from "react";

import type { TaskView } from "../../api/types";
import { HostLink } from "../../shared/HostLink";
import { duration } from "../../shared/moment";
import { Pre } from "../../shared/Pre";
import { StatusBadge } from "../../shared/StatusBadge";
import { Time } from "../../shared/Time";
import { Elapsed } from "./Elapsed";
import { Shards } from "./Shards";

/** One task of a run: what it does, its state, its times, its error. */
export const TaskItem = ({ task }: { task: TaskView }) => (
  <Stack as="li" borderBottomWidth={1} gap={2} py={3}>
    <Flex align="baseline" columnGap={4} flexWrap="wrap" rowGap={1}>
      <Text fontWeight="semibold" minW="11rem">{task.title || task.task}</Text>
      <Box minW="8rem"><StatusBadge status={task.state} /></Box>
      <Flex columnGap={4} flexWrap="wrap" fontSize="sm" rowGap={1}>
        {task.started ? <Text color="fg.muted">started <Time as="local" at={task.started} focusable /></Text> : undefined}
        {task.started ? <Text color="fg.muted">took <Took task={task} /></Text> : undefined}
        {task.log ? <HostLink to={task.log}>Log<Hidden> of {task.title || task.task}</Hidden></HostLink> : undefined}
      </Flex>
    </Flex>
    {task.state_says ? <Text fontSize="sm" overflowWrap="anywhere">{task.state_says}</Text> : undefined}
    {task.error ? <Pre label={`The error of ${task.title || task.task}`} text={task.error} /> : undefined}
    {task.shards.length > 0 ? <Shards shards={task.shards} /> : undefined}
  </Stack>
);

const Took = ({ task: { ended, seconds, started } }: { task: TaskView }) =>
  typeof seconds === "number" && ended ? duration(seconds) : <Elapsed from={started} to={ended} />;

const Hidden = ({ children }: { children: ReactNode }) => <Box as="span" srOnly>{children}</Box>;
