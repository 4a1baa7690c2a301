"""A body's bytes without their content coding, piece by piece, and whether the coding reached its end.

By zlib and not by urllib3, which lets a gzip that is cut, or whose second member is damaged, end
without an error: rows of a file would be missing without a word.  Source: RFC 9110 part 8.4, RFC 1952.
"""

import zlib
from collections.abc import Iterator

from rwe.fhir.request import TryAgainError

GZIP = ("gzip", "x-gzip")
PIECE = 65_536


class Decoder:
    """coding: of the header Content-Encoding.  Members of gzip may follow each other."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding.strip().lower() in GZIP
        if not self._gzip and coding.strip().lower() not in ("", "identity"):
            raise TryAgainError("the answer comes in a content coding that was not asked for")
        self._member = zlib.decompressobj(wbits=31)
        self.begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """No piece is larger than PIECE, however far the data expand."""
        if not self._gzip:
            yield data
            return
        self.begun = self.begun or bool(data)
        while data:
            if self._member.eof and not (data := data.lstrip(b"\0")):  # padding of the last block of a tape
                return
            piece = self._next(data)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            # Output still held back comes with the next bytes: a member ends with eight of a trailer.
            yield piece

    def _next(self, data: bytes) -> bytes:
        if self._member.eof:
            self._member = zlib.decompressobj(wbits=31)
        try:
            return self._member.decompress(data, PIECE)
        except zlib.error:
            raise TryAgainError("the answer's gzip is damaged") from None

    def end(self) -> None:
        """TryAgainError unless the coding is at its end."""
        if self._gzip and not self._member.eof:
            raise TryAgainError("the answer's gzip is cut")
