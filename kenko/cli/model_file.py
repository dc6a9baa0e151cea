"""Read a health model from a file."""

from __future__ import annotations

from pathlib import Path

from kenko.model import HealthModel, load_model
from kenko.runtime.errors import ConfigurationError


def read_model(path: Path) -> HealthModel:
    """The model.

    Raises:
        ConfigurationError: the file cannot be read.
        ModelErrors: it has mistakes; holds all of them.
    """
    return load_model(read_text(path), name=str(path))


def read_text(path: Path) -> str:
    """The model's text.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
