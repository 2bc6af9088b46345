import { Input, InputGroup } from "@chakra-ui/react";
import { useEffect, useState } from "react";

import { Icon } from "../shared/Icon";
import { IconButton } from "../shared/IconButton";

const PAUSE = 250;

interface Props {
  onSearch: (text: string) => void;
  text: string;
}

/** Searches when the user stops typing. */
export const Search = ({ onSearch, text }: Props) => {
  const [typed, setTyped] = useState(text);
  const [seen, setSeen] = useState(text);
  if (seen !== text) {
    // The address changed: by Back, a link, or by what was typed here.
    setSeen(text);
    if (typed.trim() !== text) setTyped(text);
  }
  useEffect(() => {
    if (typed.trim() === text) return undefined;
    const timer = setTimeout(() => {
      onSearch(typed.trim());
    }, PAUSE);
    return () => {
      clearTimeout(timer);
    };
  }, [onSearch, text, typed]);
  return (
    <InputGroup
      endElement={
        typed ? (
          <IconButton
            icon="close"
            label="Clear the search"
            onClick={() => {
              setTyped("");
            }}
            size="xs"
          />
        ) : undefined
      }
      flex="1 1 16rem"
      startElement={<Icon name="search" />}
    >
      <Input
        aria-label="Search exports"
        onChange={(event) => {
          setTyped(event.target.value);
        }}
        placeholder="Search by name, title, connection, owner or tag"
        role="searchbox"
        value={typed}
      />
    </InputGroup>
  );
};
