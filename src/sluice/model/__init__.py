"""The values that travel between the folders. They hold data and its rules, and reach nothing outside."""
