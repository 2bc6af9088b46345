"""From rows to parts at the destination: workers read and encode, a sender sends, receipts remember what has arrived."""
