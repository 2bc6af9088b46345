"""Upload: workers read and encode rows, a sender sends them as parts, receipts record the parts."""
