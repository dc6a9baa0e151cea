"""`python -m services.alerter`."""

from __future__ import annotations

import sys
from functools import partial

from kenko.runtime.lifecycle import run
from kenko.runtime.logging import configure_logging
from kenko.runtime.settings import load_settings
from services.alerter.app import serve
from services.alerter.settings import SERVICE, AlerterSettings


def main() -> int:
    """Exit code of the process."""
    settings = load_settings(AlerterSettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    # Stopping Faust and what is under way to the receivers each have their own limit within this.
    return run(SERVICE, partial(serve, settings), grace_s=35.0)


if __name__ == "__main__":
    sys.exit(main())
