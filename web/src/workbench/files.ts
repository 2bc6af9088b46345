import type { WorkbenchFiles, WorkbenchLimits } from "../api/types";
import { bytes, count } from "../shared/amount";

/** What is asked beside the files. */
export type Options = Pick<WorkbenchFiles, "crs" | "switched_off">;

/** What a file is: the key of the request that it goes into. */
export type Role = Exclude<keyof WorkbenchFiles, keyof Options | "tag" | "write">;

/** A file that was chosen. Its content stays on the disk until it is sent: a secret is in no state of the page. */
export interface Chosen {
  /** The name that it is imported under: of an `.export` file, the export's. */
  as: string;
  file: File;
  /** Empty if its name does not say. */
  role: Role | "";
}

export const ROLES: Record<Role, string> = {
  exports: "An export",
  mmp: "The bucket, and how chunks are sent",
  ftp_servers: "Addresses of servers",
  ftp_credentials: "Logins of servers",
  target: "Adobe Target",
};
const EACH = Object.keys(ROLES) as Role[];
/** Data Workbench renames an export that has run once. A browser numbers a file that it saves twice. */
const EXPORT = /\.export(?:\.done.*)?$/iu;
const NUMBERED = / ?\(\d+\)(?=\.)/u;

/** The files with more of them. One of the same name is replaced: it was corrected, and chosen again. */
export const withFiles = (chosen: Chosen[], files: Iterable<File>, names: Record<string, string>): Chosen[] =>
  [...files].reduce((all, file) => {
    const known = all.find((one) => one.file.name === file.name);
    return known
      ? all.map((one) => (one === known ? { ...one, file } : one))
      : [...all, { as: stemOf(file.name), file, role: roleOf(file.name, names) }];
  }, chosen);

const roleOf = (name: string, names: Record<string, string>): Role | "" => {
  const plain = name.replace(NUMBERED, "").toLowerCase();
  if (EXPORT.test(plain)) return "exports";
  return EACH.find((role) => plain === names[role]?.toLowerCase()) ?? "";
};

const stemOf = (name: string): string => name.replace(EXPORT, "");

/** The name that is sent. */
export const nameOf = ({ as, file, role }: Chosen): string =>
  role === "exports" ? `${as.trim()}${EXPORT.exec(file.name)?.[0] ?? ".export"}` : file.name;

/** Why the files cannot be imported as they are; empty if they can be checked. */
export const whyNot = (chosen: Chosen[], limits: WorkbenchLimits): string => {
  const unknown = chosen.find(({ role }) => role === "");
  if (unknown) return `Choose what ${unknown.file.name} is, or remove it.`;
  const exports = chosen.filter(({ role }) => role === "exports");
  if (exports.length === 0) return "Choose one or more .export files.";
  if (exports.length > limits.exports) return `Remove some: at most ${count(limits.exports)} exports are imported at once.`;
  const nameless = exports.find(({ as }) => as.trim() === "");
  if (nameless) return `Give ${nameless.file.name} a name.`;
  const twice = EACH.find((role) => role !== "exports" && chosen.filter((one) => one.role === role).length > 1);
  if (twice) return `Two files are ${limits.names[twice] ?? twice}: remove one.`;
  const size = sizeOf(chosen);
  return size > limits.bytes ? `The files have ${count(size)} bytes, and at most ${count(limits.bytes)} (${bytes(limits.bytes)}) are imported at once.` : "";
};

export const sizeOf = (chosen: Chosen[]): number => chosen.reduce((sum, { file }) => sum + file.size, 0);

/** The request's files, as they are on the disk: their encoding is found where they are parsed. */
export const contents = async (chosen: Chosen[]): Promise<WorkbenchFilesAlone> => {
  const read = await Promise.all(
    chosen.map(async (one) => ({ role: one.role, sent: { content: await base64(one.file), name: nameOf(one) } })),
  );
  const single = (role: Role) => read.find((one) => one.role === role)?.sent ?? null;
  return {
    exports: read.filter(({ role }) => role === "exports").map(({ sent }) => sent),
    ftp_credentials: single("ftp_credentials"),
    ftp_servers: single("ftp_servers"),
    mmp: single("mmp"),
    target: single("target"),
  };
};

type WorkbenchFilesAlone = Pick<WorkbenchFiles, Role>;

const base64 = (file: File): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve((reader.result as string).split(",")[1] ?? "");
    };
    reader.onerror = () => {
      reject(new Error(`${file.name} cannot be read: it is a folder, or it was changed after you chose it. Choose it again.`));
    };
    reader.readAsDataURL(file);
  });
