"""The operators, one per file. Each assigns in `__init__` and calls one core function in `execute`."""
