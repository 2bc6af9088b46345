import { Empty } from "../shared/Empty";
import { AddExport } from "./AddExport";

/** The list is empty: because of the filters, or because nothing is declared yet. */
export const NoExports = ({ filtered }: { filtered: boolean }) =>
  filtered ? (
    <Empty icon="search" says="Change or clear the search and the filters." title="No export matches" />
  ) : (
    <Empty says="An export delivers segments, datasets or whole entities to a connection." title="There are no exports yet">
      <AddExport />
    </Empty>
  );
