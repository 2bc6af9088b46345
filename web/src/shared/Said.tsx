import { Code } from "@chakra-ui/react";

/** A text of the documentation: what is between backticks is code. */
export const Said = ({ text }: { text: string }) =>
  text.split("`").map((part, index) => (index % 2 === 1 ? <Code key={`${index} ${part}`} size="sm">{part}</Code> : part));
