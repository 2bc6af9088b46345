import { Flex, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import type { Progress } from "../../api/types";
import { StatusBadge } from "../../shared/StatusBadge";
import { Time } from "../../shared/Time";
import { paths } from "../../shell/paths";

const COMPARISONS = ["verified", "differs", "unverified"];

/** Whether a run of this status has compared a delivery with its manifest. */
export const isComparison = (status: string): boolean => COMPARISONS.includes(status);

/** The last comparison of a delivery with its manifest. */
export const Compared = ({ compared, name }: { compared: NonNullable<Progress["compared"]>; name: string }) => (
  <Flex align="center" flexWrap="wrap" gap={2}>
    <StatusBadge status={compared.status} />
    <Text fontSize="sm"><Time at={compared.ended} />: {compared.why}</Text>
    <Text fontSize="sm"><Link className="link" to={paths.run(name, compared.run)}>The run that compared it</Link></Text>
  </Flex>
);
