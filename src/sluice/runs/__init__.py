"""The index of runs: one small record per recorded report, and the answers read from it.

`journal` is the truth, in staging. `compact` packs its days that are over into Parquet files. `cache` and `index` are a
copy in SQLite on the reader's own disk, which may be deleted at any time.
"""
