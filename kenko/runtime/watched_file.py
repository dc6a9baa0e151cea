"""A file that is read again when it changes: mounted secrets are swapped under a running process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import get_logger

CHECK_INTERVAL_S: Final = 2.0
T = TypeVar("T")
_Stamp = tuple[int, int, int] | None

_log = get_logger(__name__)


class WatchedFile(Generic[T]):
    """What `read` made of the file, as new as `CHECK_INTERVAL_S`. A broken file changes nothing: the last good one counts."""

    def __init__(self, path: Path, read: Callable[[Path], T], on_read: Callable[[bool], object]) -> None:
        """`on_read` is told whether the file as it stands could be read.

        Raises:
            ConfigurationError: it cannot be read now.
        """
        self._path = path
        self._read = read
        self._on_read = on_read
        self._stamp = _stamp(path)
        self.content = read(path)
        on_read(True)

    def look(self) -> None:
        """Read it again if it changed."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.content = self._read(self._path)
        except ConfigurationError as error:
            # Half a file in the middle of a write is whole at the next look; one that stays broken keeps warning by its metric.
            _log.error("runtime.file_refused", path=str(self._path), error=str(error).strip())
            self._on_read(False)
            return
        _log.info("runtime.file_read_again", path=str(self._path))
        self._on_read(True)

    async def watch(self) -> None:
        """Look every `CHECK_INTERVAL_S`, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            self.look()


def _stamp(path: Path) -> _Stamp:
    """Changes whenever the file does; None while it is away."""
    try:
        stat = path.stat()  # follows the links by which Kubernetes swaps a secret
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
