import { Icon, type IconName } from "./Icon";

const ICONS: Partial<Record<string, IconName>> = {
  azure: "box",
  file: "folder",
  gcs: "cloud",
  local: "folder",
  s3: "bucket",
  sftp: "server",
};

/** The type of a destination as an icon; the word stands beside it. */
export const DestinationIcon = ({ type }: { type: string }) => <Icon name={ICONS[type] ?? "box"} />;
