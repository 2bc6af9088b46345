import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api } from "../../api/client";
import { ProblemError, plainProblem } from "../../api/problem";
import type { Done } from "../../api/types";
import type { IconName } from "../../shared/Icon";
import { notify } from "../../shared/notices";

export type RunVerb = "cancel-run" | "release-run" | "resend-run" | "verify-delivery";

interface Action {
  danger: boolean;
  done: string;
  icon: IconName;
  label: string;
  path: `/api/v1/exports/{name}/runs/{run}/${"cancel" | "release" | "resend" | "verify"}`;
  says: string;
}

/** What can be done with one run. */
export const RUN_ACTIONS: Record<RunVerb, Action> = {
  "cancel-run": {
    danger: true,
    done: "The run is being cancelled",
    icon: "stop",
    label: "Cancel job",
    path: "/api/v1/exports/{name}/runs/{run}/cancel",
    says: "The run stops, and what it has sent is removed. Consumers still see the delivery before it.",
  },
  "release-run": {
    danger: false,
    done: "A run that delivers anyway was started",
    icon: "play",
    label: "Release",
    path: "/api/v1/exports/{name}/runs/{run}/release",
    says: "Starts a run that delivers although its counts are not as expected. Check the data before.",
  },
  "resend-run": {
    danger: false,
    done: "The delivery is being sent again",
    icon: "refresh",
    label: "Resend",
    path: "/api/v1/exports/{name}/runs/{run}/resend",
    says: "Delivers this run again, byte by byte, as a delivery of its own. The watermark stays where it is.",
  },
  "verify-delivery": {
    danger: false,
    done: "The delivery is being verified",
    icon: "check",
    label: "Verify",
    path: "/api/v1/exports/{name}/runs/{run}/verify",
    says: "Starts a run that reads every part at the destination, and compares its size and checksum with the manifest. It sends nothing. Other runs of this export wait until it has ended.",
  },
};

/** Does it, says so, and has everything about exports read again. Hands over the run that was started, if one was. */
export const useRunAction = (name: string, run: string, verb: RunVerb, onDone: (started: string) => void) => {
  const client = useQueryClient();
  const { done, path } = RUN_ACTIONS[verb];
  return useMutation({
    mutationFn: async () => refusedOr(await api.post(path, { body: {}, path: { name, run } })),
    onSuccess: async (result) => {
      notify(done, name);
      onDone(result.runs[name] ?? "");
      await client.invalidateQueries({ queryKey: ["exports"] });
    },
  });
};

/** A run that was left out is an error here, because it is the only one. */
const refusedOr = (done: Done): Done => {
  const [first] = done.skipped;
  if (!first || done.done.length > 0) return done;
  throw new ProblemError(409, first.problem ?? plainProblem(first.why));
};
