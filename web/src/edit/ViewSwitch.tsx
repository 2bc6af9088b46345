import { SegmentGroup } from "@chakra-ui/react";

type View = "form" | "yaml";

/** The form, or the editor of the whole text. */
export const ViewSwitch = ({ onChange, view }: { onChange: (view: View) => void; view: View }) => (
  <SegmentGroup.Root
    aria-label="How to edit"
    onValueChange={({ value }) => {
      onChange(value === "yaml" ? "yaml" : "form");
    }}
    size="sm"
    value={view}
    w="fit-content"
  >
    <SegmentGroup.Indicator />
    <SegmentGroup.Items
      items={[
        { label: "Form", value: "form" },
        { label: "YAML", value: "yaml" },
      ]}
    />
  </SegmentGroup.Root>
);
