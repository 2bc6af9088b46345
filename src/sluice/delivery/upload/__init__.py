"""From rows to parts at the destination: lanes read and encode, a sender sends, a ledger remembers."""
