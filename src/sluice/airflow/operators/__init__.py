"""One envelope a file: assign in `__init__`, call one core function in `execute`."""
