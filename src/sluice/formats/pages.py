"""Gzips Parquet pages with igzip: five times faster than zlib in Arrow's writer, and 3 % smaller.

Arrow writes the file without compression. Each page is read, compressed and written again with a changed header. At the
end, the offsets and sizes in the footer are corrected, because all pages have moved.
"""

from __future__ import annotations

from sluice.formats.gzip import gzipped
from sluice.formats.pieces import Pieces
from sluice.model.thrift import I32, I64, Struct, read_struct, with_integer, write_struct

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
    index, and without checksums; each header and each page with one call.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._header = b""
        """Of the page that comes next."""
        self._read = self._written = 0
        self._moved: dict[int, int] = {}
        """New offsets by old offsets: of the start of every page and of the end of the last one."""
        self._ending = False
        self._end: list[bytes] = []
        """Pieces of the footer."""

    def write(self, data: bytes) -> int:
        if self._ending:
            self._end.append(bytes(data))
        elif not self._read:
            self._put(len(data), bytes(data))
        elif not self._header:
            self._header = bytes(data)
        else:
            page = gzipped(data, self._level)
            # Only the compressed size changes. The header may become longer or shorter, because it is a varint.
            header = with_integer(self._header, _COMPRESSED_SIZE, len(page))
            self._put(len(self._header) + len(data), header + page)
            self._header = b""
        return len(data)

    def ends(self) -> None:
        self._ending = True

    def taken(self) -> list[bytes]:
        if self._ending:
            self._pieces.append(self._footer(b"".join(self._end)))
        return super().taken()

    def _put(self, read: int, piece: bytes) -> None:
        """Write `piece` instead of the next `read` bytes of Arrow's file."""
        self._moved[self._read] = self._written
        self._pieces.append(piece)
        self._read, self._written = self._read + read, self._written + len(piece)
        self._moved[self._read] = self._written

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
