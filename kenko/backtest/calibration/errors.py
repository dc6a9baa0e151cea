"""What keeps a model from being calibrated."""

from __future__ import annotations

from kenko.runtime.errors import KenkoError


class CalibrationError(KenkoError):
    """There is nothing to learn from, or nothing to fit. The text says what is missing and what to do."""
