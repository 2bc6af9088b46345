"""Gzips Parquet pages with igzip: five times faster than zlib in Arrow's writer, and 3 % smaller.

Arrow writes the file without compression. Each page is read, compressed and written again with a changed header. At the
end, the offsets and sizes in the footer are corrected, because all pages have moved.
"""

from __future__ import annotations

from sluice.formats.gzip import gzipped
from sluice.formats.pieces import Pieces
from sluice.model.thrift import I32, I64, Struct, read_struct, write_struct

_MAGIC = b"PAR1"
_GZIP = 2
"""The number of the codec. The numbers below are those of fields; see parquet.thrift in apache/parquet-format."""
_COMPRESSED_SIZE = 3
_ROW_GROUPS, _COLUMNS, _METADATA = 4, 1, 3
_CODEC, _TOTAL_COMPRESSED, _DATA_PAGE, _DICTIONARY_PAGE = 4, 7, 9, 11
_GROUP_OFFSET, _GROUP_TOTAL = 5, 6


class GzippedPages(Pieces):
    """A file object for Arrow's writer that gzips each page as soon as it is complete.

    Relies on how Arrow writes uncompressed files: data pages of version 1, without gaps between pages, without a page
    index, and without checksums.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._rest: list[bytes] = []
        """Pieces of an incomplete page."""
        self._missing = len(_MAGIC)
        """Bytes missing until the page is complete."""
        self._read = self._written = 0
        self._moved: dict[int, int] = {}
        """New offsets by old offsets: of the start of every page and of the end of the last one."""
        self._ending = False

    def write(self, data: bytes) -> int:
        self._rest.append(bytes(data))
        self._missing -= len(data)
        if self._missing <= 0 and not self._ending:
            self._take_pages(b"".join(self._rest))
        return len(data)

    def ends(self) -> None:
        self._ending = True

    def taken(self) -> list[bytes]:
        if self._ending:
            self._pieces.append(self._footer(b"".join(self._rest)))
        return super().taken()

    def _take_pages(self, data: bytes) -> None:
        """Gzip the complete pages at the start of the data, and keep the rest."""
        at = 0
        if not self._read:
            at = self._put(len(_MAGIC), data[: len(_MAGIC)])
        while at < len(data):
            header, start = read_struct(data, at)
            end = start + header[_COMPRESSED_SIZE][1]
            if end > len(data):
                break
            # Only the compressed size changes. The header may become longer or shorter, because it is a varint.
            body = gzipped(memoryview(data)[start:end], self._level)
            header[_COMPRESSED_SIZE] = I32, len(body)
            at += self._put(end - at, write_struct(header), body)
        else:  # no incomplete page: at least one more byte is needed to read the next header
            end = at + 1
        self._rest, self._missing = [data[at:]], end - len(data)

    def _put(self, read: int, *pieces: bytes) -> int:
        """Write `pieces` instead of the next `read` bytes of Arrow's file. Returns `read`."""
        self._moved[self._read] = self._written
        self._pieces += pieces
        self._read, self._written = self._read + read, self._written + sum(map(len, pieces))
        self._moved[self._read] = self._written
        return read

    def _footer(self, data: bytes) -> bytes:
        """The end of the file: the corrected footer, its length, and the magic bytes."""
        footer, _ = read_struct(data, 0)
        for group in footer[_ROW_GROUPS][1][1]:
            self._move_group(group)
        moved = write_struct(footer)
        return moved + len(moved).to_bytes(4, "little") + _MAGIC

    def _move_group(self, group: Struct) -> None:
        columns = [column[_METADATA][1] for column in group[_COLUMNS][1][1]]
        for column in columns:
            self._move_column(column)
        group[_GROUP_OFFSET] = I64, self._moved[group[_GROUP_OFFSET][1]]
        group[_GROUP_TOTAL] = I64, sum(column[_TOTAL_COMPRESSED][1] for column in columns)

    def _move_column(self, column: Struct) -> None:
        # The dictionary page, if there is one, comes before the data pages.
        offsets = [field for field in (_DICTIONARY_PAGE, _DATA_PAGE) if field in column]
        start = column[offsets[0]][1]
        size = self._moved[start + column[_TOTAL_COMPRESSED][1]] - self._moved[start]
        for field in offsets:
            column[field] = I64, self._moved[column[field][1]]
        column[_TOTAL_COMPRESSED] = I64, size
        column[_CODEC] = I32, _GZIP
