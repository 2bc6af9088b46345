"""The values that the folders exchange. They contain data and its rules, and access nothing outside."""
