import { Code } from "@chakra-ui/react";

/** A sentence in which backticks mark what is typed as it stands. */
export const Prose = ({ text }: { text: string }) =>
  text.split("`").map((part, index) =>
    // The parts of a text never change places.
    index % 2 ? <Code key={index} size="xs">{part}</Code> : part,
  );
