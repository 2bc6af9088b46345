import { Loading } from "./Loading";
import { ProblemPanel } from "./ProblemPanel";

interface Props {
  query: { error: unknown; refetch: () => Promise<unknown> };
  what?: string;
}

/** What to show while a query has no data: that it is being read, or why it cannot be. */
export const Failed = ({ query, what }: Props) =>
  query.error ? (
    <ProblemPanel error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Loading {...(what ? { what } : {})} />
  );
