"""Bodies with a Content-Encoding. The limit is on what comes out, so a bomb stops at the limit, not at its end."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from services.ingest.answers import Refusal, RefusalCode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LARGEST_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MB: what the decompressor itself may hold. Larger windows than RFC 8878 asks for are refused."""
_PIECE: Final = 262_144
_ZLIB_OR_GZIP: Final = 47
_RAW_DEFLATE: Final = -15


class Inflater(Protocol):
    """Turns what comes over the wire into the body, piece by piece."""

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        """What `data` holds, cut at `limit` + 1 bytes: more than `limit` tells the caller that it is too much.

        In pieces, so that nothing is held twice: unpacked at once, a bomb takes twice the limit before it is refused.
        """

    def finish(self) -> None:
        """Raises Refusal if the body ended too early."""


class Identity:
    """No encoding."""

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        yield data[: limit + 1]

    def finish(self) -> None:
        return


class Zlib:
    """gzip, and deflate in both of its meanings (with the zlib frame, and without)."""

    def __init__(self, *, deflate: bool) -> None:
        self._deflate = deflate
        self._inflater = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._fed = False

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        if not data:
            return
        if self._inflater.eof:
            raise _behind_the_end()
        if self._deflate and not self._fed and data[0] & 0x0F != zlib.DEFLATED:
            self._inflater = zlib.decompressobj(_RAW_DEFLATE)
        self._fed = True
        left = limit + 1
        while left > 0:
            most = min(left, _PIECE)
            try:
                out = self._inflater.decompress(data, most)
            except zlib.error:
                raise _bad("the body is not compressed as Content-Encoding says") from None
            yield out
            left -= len(out)
            data = self._inflater.unconsumed_tail
            if self._inflater.eof or (len(out) < most and not data):
                break
        if left > 0 and self._inflater.unused_data:
            raise _behind_the_end()

    def finish(self) -> None:
        if not self._inflater.eof:
            raise _bad("the compressed body ends too early")


class Zstandard:
    """zstd, one frame."""

    def __init__(self) -> None:
        self._inflater = zstd.ZstdDecompressor(options=_LARGEST_WINDOW)

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        if not data:
            return
        if self._ended():
            raise _behind_the_end()
        left = limit + 1
        while left > 0:
            try:
                out = self._inflater.decompress(data, min(left, _PIECE))
            except zstd.ZstdError:
                raise _bad("the body is not compressed as Content-Encoding says") from None
            yield out
            left -= len(out)
            data = b""  # it has kept what it has not yet unpacked
            if self._ended() or self._inflater.needs_input:
                break
        if self._ended() and self._inflater.unused_data:
            raise _behind_the_end()

    def finish(self) -> None:
        if not self._ended():
            raise _bad("the compressed body ends too early")

    def _ended(self) -> bool:
        return self._inflater.eof


def inflater_for(encoding: str) -> Inflater:
    """The one for a Content-Encoding; raises Refusal for one that is not taken."""
    match encoding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Zlib(deflate=False)
        case "deflate":
            return Zlib(deflate=True)
        case "zstd":
            return Zstandard()
        case _:
            raise Refusal(
                RefusalCode.UNSUPPORTED_ENCODING,
                "Content-Encoding must be gzip, deflate, zstd or none",
                headers={"Accept-Encoding": "gzip, deflate, zstd"},
            )


def _behind_the_end() -> Refusal:
    # One member or frame only: a hundred thousand empty ones would cost time and hold nothing.
    return _bad("there is something behind the end of the compressed body")


def _bad(detail: str) -> Refusal:
    return Refusal(RefusalCode.BAD_ENCODING, detail)
