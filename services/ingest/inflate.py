"""Bodies with a Content-Encoding. The limit is on what comes out, so a bomb stops at the limit, not at its end."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

from services.ingest.answers import Refusal, RefusalCode

_ZLIB_OR_GZIP: Final = 47
_RAW_DEFLATE: Final = -15


class Inflater(Protocol):
    """Turns what comes over the wire into the body, piece by piece."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """What `data` holds, cut at `limit` + 1 bytes: more than `limit` tells the caller that it is too much."""

    def finish(self) -> None:
        """Raises Refusal if the body ended too early."""


class Identity:
    """No encoding."""

    def feed(self, data: bytes, limit: int) -> bytes:
        return data[: limit + 1]

    def finish(self) -> None:
        return


class Zlib:
    """gzip, and deflate in both of its meanings (with the zlib frame, and without)."""

    def __init__(self, *, deflate: bool) -> None:
        self._deflate = deflate
        self._inflater = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._fed = False

    def feed(self, data: bytes, limit: int) -> bytes:
        if not data:
            return b""
        if self._inflater.eof:
            # One member only: a hundred thousand empty ones would cost time and hold nothing.
            raise _bad("there is something behind the end of the compressed body")
        if self._deflate and not self._fed and data[0] & 0x0F != zlib.DEFLATED:
            self._inflater = zlib.decompressobj(_RAW_DEFLATE)
        self._fed = True
        try:
            out = self._inflater.decompress(data, limit + 1)
        except zlib.error:
            raise _bad("the body is not compressed as Content-Encoding says") from None
        if len(out) <= limit and (self._inflater.unused_data or self._inflater.unconsumed_tail):
            raise _bad("there is something behind the end of the compressed body")
        return out

    def finish(self) -> None:
        if not self._inflater.eof:
            raise _bad("the compressed body ends too early")


def inflater_for(encoding: str) -> Inflater:
    """The one for a Content-Encoding; raises Refusal for one that is not taken."""
    match encoding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Zlib(deflate=False)
        case "deflate":
            return Zlib(deflate=True)
        case _:
            raise Refusal(
                RefusalCode.UNSUPPORTED_ENCODING,
                "Content-Encoding must be gzip, deflate or none",
                headers={"Accept-Encoding": "gzip, deflate"},
            )


def _bad(detail: str) -> Refusal:
    return Refusal(RefusalCode.BAD_ENCODING, detail)
