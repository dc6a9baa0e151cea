"""How far a file was imported, kept beside the stack's logs, so that a second run goes on where the first one ended."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from kenko.cli.local_info import HOME

_FOLDER: Final = "imports"
_HEAD: Final = 65_536


class ImportMark:
    """Of one file, as it is: another content under the same name begins at its beginning."""

    def __init__(self, file: Path, home: Path = HOME) -> None:
        digest = sha256(f"{file.resolve()} {file.stat().st_size} ".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_HEAD))
        self._path = home / _FOLDER / f"{file.name}-{digest.hexdigest()[:16]}"

    def read(self) -> int:
        """The last line that is in Kafka; 0: none."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return 0
        return int(text) if text.strip().isdigit() else 0

    def write(self, line: int) -> None:
        """All events up to `line` are in Kafka. A crash before this repeats some of them, with the ids they had."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(str(line))
        new.replace(self._path)
