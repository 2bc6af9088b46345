"""PostgreSQL over ADBC: binary from the server to Arrow, without Python in between."""
