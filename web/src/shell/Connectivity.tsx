import { Alert } from "@chakra-ui/react";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";

import { LoggedOutError, UnreachableError } from "../api/problem";
import { Icon } from "../shared/Icon";
import { ProblemPanel } from "../shared/ProblemPanel";

/** Says that Airflow does not answer, as long as that is so, or that the login has expired. What is shown stays. */
export const Connectivity = () => {
  const client = useQueryClient();
  const cache = client.getQueryCache();
  const trouble = useSyncExternalStore(
    useCallback((changed: () => void) => cache.subscribe(changed), [cache]),
    () => troubleOf(cache.getAll().map((query) => query.state.fetchFailureReason ?? query.state.error)),
  );
  if (trouble === "unreachable") {
    return (
      <Alert.Root flexShrink={0} role="alert" status="warning">
        <Icon name="warning" />
        <Alert.Title>Airflow does not answer. The page tries again by itself; what it shows may be out of date.</Alert.Title>
      </Alert.Root>
    );
  }
  if (trouble === "logged out") {
    return <ProblemPanel error={LOGGED_OUT} onRetry={() => void client.refetchQueries({ type: "active" })} />;
  }
  return undefined;
};

const LOGGED_OUT = new LoggedOutError();

const troubleOf = (errors: unknown[]): string => {
  if (errors.some((error) => error instanceof UnreachableError)) return "unreachable";
  return errors.some((error) => error instanceof LoggedOutError) ? "logged out" : "";
};
