import { Choice } from "../shared/Choice";

interface Props {
  onChange: (zone: string) => void;
  value: string;
}

/** A time zone: UTC and the browser's own first. */
export const Zone = ({ onChange, value }: Props) => {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set(["UTC", own, value, ...Intl.supportedValuesOf("timeZone")])];
  return <Choice label="Time zone" onChange={onChange} options={zones.map((zone) => [zone, zone] as const)} value={value} />;
};
