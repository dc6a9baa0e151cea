"""Write the page of a back-test, where the extra that draws it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from kenko.backtest.verdict import AlertDifference, Terms, Verdict
from kenko.runtime.errors import ConfigurationError


def require_page() -> None:
    """Say at once, and not after minutes of scoring, that a page cannot be drawn.

    Raises:
        ConfigurationError: the extra `report` is not installed.
    """
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"--page needs {' and '.join(missing)}: pip install 'kenko[report]'. All figures are there without it."
        )


def write_page(path: Path, verdicts: Sequence[Verdict], terms: Terms, alerted: AlertDifference | None) -> None:
    """Replace the file.

    Raises:
        ConfigurationError: it cannot be written.
    """
    from kenko.backtest.report.page import render_page  # noqa: PLC0415 - matplotlib is an extra, and slow to import

    try:
        path.write_text(render_page(verdicts, terms, alerted), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
