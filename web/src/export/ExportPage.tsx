import { Button, Stack } from "@chakra-ui/react";
import { lazy, Suspense } from "react";
import { Link, Route, Routes, useParams } from "react-router-dom";

import { ProblemError } from "../api/problem";
import type { ExportDetail } from "../api/types";
import { useExport } from "../api/useExport";
import { Empty } from "../shared/Empty";
import { Failed } from "../shared/Failed";
import { Loading } from "../shared/Loading";
import { paths } from "../shell/paths";
import { ExportHeader } from "./ExportHeader";
import { ExportTabs } from "./ExportTabs";
import { Overview } from "./overview/Overview";

const EditExport = lazy(() => import("../edit/EditExport"));
const History = lazy(() => import("./history/History"));
const Progress = lazy(() => import("./progress/Progress"));
const Timeline = lazy(() => import("./timeline/Timeline"));

/** One export: its overview, the progress of a run, its history and timeline, and its editor. */
const ExportPage = () => {
  const { name = "" } = useParams();
  const query = useExport(name, true);
  if (query.error instanceof ProblemError && query.error.status === 404) return <Gone name={name} />;
  if (!query.data) return <Failed query={query} what={`Reading ${name}`} />;
  const detail = query.data;
  return (
    <Suspense fallback={<Loading />}>
      <Routes>
        <Route element={<EditExport detail={detail} key={name} />} path="edit" />
        <Route element={<Tabbed detail={detail} key={name} />} path="*" />
      </Routes>
    </Suspense>
  );
};

const Tabbed = ({ detail }: { detail: ExportDetail }) => (
  <Stack gap={4}>
    <ExportHeader detail={detail} />
    <ExportTabs name={detail.row.name} />
    <Suspense fallback={<Loading />}>
      <Routes>
        <Route element={<Overview detail={detail} />} index />
        <Route element={<Progress detail={detail} />} path="runs" />
        <Route element={<Progress detail={detail} />} path="runs/:run" />
        <Route element={<History detail={detail} />} path="history" />
        <Route element={<Timeline name={detail.row.name} />} path="timeline" />
        <Route element={<Empty title="There is nothing here" />} path="*" />
      </Routes>
    </Suspense>
  </Stack>
);

const Gone = ({ name }: { name: string }) => (
  <Empty says={`"${name}" was removed or renamed, or never existed. What it has delivered stays.`} title="This export does not exist">
    <Button asChild variant="outline">
      <Link to={paths.list}>All exports</Link>
    </Button>
  </Empty>
);

export default ExportPage;
