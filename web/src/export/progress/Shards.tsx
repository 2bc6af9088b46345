import { Box, Flex, SimpleGrid, Text } from "@chakra-ui/react";

import type { Shard } from "../../api/types";
import { StatusBadge } from "../../shared/StatusBadge";
import { SentBar } from "./LiveBar";

/** The parallel `upload` tasks, each with its own bar. */
export const Shards = ({ shards }: { shards: Shard[] }) => (
  <SimpleGrid as="ul" columns={{ base: 1, lg: 2 }} gap={3} listStyleType="none">
    {shards.map((shard) => (
      <Box as="li" borderRadius="md" borderWidth={1} key={shard.shard} minW={0} p={3}>
        <Flex gap={3} justify="space-between" mb={2}>
          <Text fontSize="sm" fontWeight="semibold" overflowWrap="anywhere">{shard.shard.includes(shard.feed) ? shard.shard : `${shard.shard}, ${shard.feed}`}</Text>
          <StatusBadge status={shard.state} />
        </Flex>
        <SentBar amounts={shard} label={`Sent by ${shard.shard}`} live={shard.state === "processing"} />
      </Box>
    ))}
  </SimpleGrid>
);
