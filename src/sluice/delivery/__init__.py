"""A run's steps: extract, chunk, upload, publish, and abort when it fails; each one function, values in, values out."""
