import { Button } from "@chakra-ui/react";
import { lazy, Suspense, useState } from "react";

import { count } from "../shared/amount";
import { Dialog } from "../shared/Dialog";
import { Loading } from "../shared/Loading";

const Members = lazy(() => import("./Members"));

/** The members of a segment, which opens what they were over time. */
export const MembersButton = ({ members, name }: { members: number; name: string }) => {
  const [open, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
  };
  return (
    <>
      <Button
        aria-label={`Members of ${name} over time`}
        fontVariantNumeric="tabular-nums"
        onClick={() => {
          setOpen(true);
        }}
        size="xs"
        variant="ghost"
      >
        {count(members)}
      </Button>
      {open ? (
        <Dialog footer={<Button onClick={close} variant="outline">Close</Button>} onClose={close} size="lg" title={`Members of ${name}`}>
          <Suspense fallback={<Loading />}>
            <Members name={name} />
          </Suspense>
        </Dialog>
      ) : undefined}
    </>
  );
};
