"""From rows to parts at the destination: workers read and encode, a sender sends, receipts record it."""
