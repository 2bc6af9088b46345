import { Text } from "@chakra-ui/react";

import { HostLink } from "../shared/HostLink";
import { paths } from "../shell/paths";

const MOST = 5;

/** The exports that use something. */
export const UsedBy = ({ exports }: { exports: string[] }) =>
  exports.length === 0 ? (
    <Text color="fg.muted">no export</Text>
  ) : (
    <>
      {exports.slice(0, MOST).map((name, index) => (
        <span key={name}>{index > 0 ? ", " : ""}<HostLink to={paths.export(name)}>{name}</HostLink></span>
      ))}
      {exports.length > MOST ? ` and ${exports.length - MOST} more` : ""}
    </>
  );
