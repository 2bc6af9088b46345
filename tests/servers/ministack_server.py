"""ministack, with Google's CRC32C in place of its own: in Python, a byte at a time, that one takes a second for 5 MB.

`.servers/bin/python tests/servers/ministack_server.py`; ministack's own environment variables apply."""

import struct

import google_crc32c
from ministack import app
from ministack.services import s3


def _crc32c(body: bytes) -> int:
    (value,) = struct.unpack(">I", google_crc32c.Checksum(body).digest())
    return int(value)


assert _crc32c(b"123456789") == s3._crc32c(b"123456789")  # the name and the meaning that this version has
s3._crc32c = _crc32c

if __name__ == "__main__":
    app.main()
