"""Write CSV to a file that is whole or is not there."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from kenko.runtime.errors import ConfigurationError


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Replace the file; compressed where its name ends in .gz.

    Raises:
        ConfigurationError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with _open(part, compressed=path.suffix == ".gz") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _open(path: Path, *, compressed: bool) -> IO[str]:
    if compressed:
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")
