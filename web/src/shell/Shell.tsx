import { Flex } from "@chakra-ui/react";
import { lazy, Suspense } from "react";
import { Route, Routes } from "react-router-dom";

import { ExportsList } from "../list/ExportsList";
import { Empty } from "../shared/Empty";
import { Loading } from "../shared/Loading";
import { Notices } from "../shared/notices";
import { HealthBanner } from "../system/HealthBanner";
import { Connectivity } from "./Connectivity";
import { Navigation } from "./Navigation";

const Activity = lazy(() => import("../activity/Activity"));
const Catalog = lazy(() => import("../catalog/Catalog"));
const Connections = lazy(() => import("../connections/Connections"));
const ExportPage = lazy(() => import("../export/ExportPage"));
const NewExport = lazy(() => import("../edit/NewExport"));
const SystemStatus = lazy(() => import("../system/SystemStatus"));
const Usage = lazy(() => import("../usage/Usage"));

/** The page: its navigation, and the part that the address names. Each part is loaded when it is first opened. */
export const Shell = () => (
  <Flex direction="column" gap={3} h="full" id="sluice-page" minH={0} overflow="auto" p={{ base: 2, md: 3 }}>
    <Navigation />
    <Connectivity />
    <HealthBanner />
    <Suspense fallback={<Loading />}>
      <Routes>
        <Route element={<ExportsList />} index />
        <Route element={<NewExport />} path="new" />
        <Route element={<ExportPage />} path="e/:name/*" />
        <Route element={<SystemStatus />} path="system" />
        <Route element={<Catalog />} path="catalog" />
        <Route element={<Connections />} path="connections/*" />
        <Route element={<Usage />} path="usage" />
        <Route element={<Activity />} path="activity" />
        <Route element={<Empty says="The address may be of a newer version of this page." title="There is nothing here" />} path="*" />
      </Routes>
    </Suspense>
    <Notices />
  </Flex>
);
