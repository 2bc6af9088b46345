import { COLUMN_IDS, COLUMNS, type ColumnId, isColumn } from "./columns";

/** Which exports are shown, and in which order. The address of the page has all of it. */
export interface Chosen {
  connection: string[];
  descending: boolean;
  kind: string[];
  /** Only exports that the user may edit. */
  mine: boolean;
  search: string;
  sort: ColumnId;
  status: string[];
}

export type Filter = "connection" | "kind" | "status";

/** Reads the choice from the address; what it does not understand counts as not chosen. */
export const chosenIn = (query: URLSearchParams): Chosen => {
  const sort = query.get("sort") ?? "name";
  const by = sort.replace(/^-/u, "");
  return {
    connection: query.getAll("connection"),
    descending: isColumn(by) && sort.startsWith("-"),
    kind: query.getAll("kind"),
    mine: query.get("mine") === "1",
    search: query.get("search") ?? "",
    sort: isColumn(by) ? by : "name",
    status: query.getAll("status"),
  };
};

/** The address of a choice. Other parameters stay. */
export const written = (query: URLSearchParams, chosen: Chosen): URLSearchParams => {
  const found = new URLSearchParams(query);
  const sort = `${chosen.descending ? "-" : ""}${chosen.sort}`;
  put(found, "search", [chosen.search]);
  put(found, "status", chosen.status);
  put(found, "connection", chosen.connection);
  put(found, "kind", chosen.kind);
  put(found, "mine", chosen.mine ? ["1"] : []);
  put(found, "sort", sort === "name" ? [] : [sort]);
  return found;
};

const put = (query: URLSearchParams, name: string, values: string[]) => {
  query.delete(name);
  for (const value of values.filter(Boolean)) query.append(name, value);
};

/** The columns that the address names; nothing if it names none. */
export const columnsIn = (text: string | null): ColumnId[] | undefined => {
  const named = new Set((text ?? "").split(",").filter(isColumn));
  return named.size > 0 ? COLUMN_IDS.filter((id) => id === "name" || named.has(id)) : undefined;
};

/** As the API's parameters. */
export const asked = ({ sort, ...chosen }: Chosen) => ({ ...chosen, sort: COLUMNS[sort].field as string });

export const isFiltered = ({ connection, kind, mine, search, status }: Chosen): boolean =>
  mine || search !== "" || connection.length + kind.length + status.length > 0;
