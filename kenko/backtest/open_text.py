"""Open a text file, compressed or not, and know how far it has been read."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO, cast

from kenko.backtest.event_file import EventFileError

_CHUNK = 1 << 20


class TextFile(io.TextIOWrapper):
    """Text, with the share of the file's bytes that were read so far."""

    def __init__(self, raw: IO[bytes], readable: IO[bytes], size: int) -> None:
        # A byte that is no UTF-8 becomes a lone surrogate: it spoils its own line and no other.
        super().__init__(cast("io.BufferedReader", readable), "utf-8-sig", errors="surrogateescape", newline="")
        self._raw = raw
        self._size = size

    def share(self) -> float:
        """0 at the beginning, 1 at the end."""
        return self._raw.tell() / self._size if self._size else 1.0

    def close(self) -> None:
        super().close()
        self._raw.close()


def open_text(path: Path) -> TextFile:
    """The file as text; gzip where the name ends in .gz.

    Raises:
        EventFileError: it cannot be opened; the message says why.
    """
    try:
        raw = path.open("rb")
        size = path.stat().st_size
    except FileNotFoundError:
        raise EventFileError(f"{path}: there is no such file") from None
    except OSError as error:
        raise EventFileError(f"{path}: {error.strerror}") from None
    readable = io.BufferedReader(gzip.GzipFile(fileobj=raw), _CHUNK) if path.suffix == ".gz" else raw
    return TextFile(raw, cast("IO[bytes]", readable), size)
