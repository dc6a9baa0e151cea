"""`python -m services.ingest`"""

from __future__ import annotations

import sys
from functools import partial

from kenko.runtime.lifecycle import run
from kenko.runtime.logging import configure_logging
from kenko.runtime.settings import load_settings
from services.ingest.handler import APP
from services.ingest.server import serve
from services.ingest.settings import IngestSettings


def main() -> int:
    """Exit code: 0 after a graceful stop, 1 after a failure, 2 for settings that cannot work."""
    settings = load_settings(IngestSettings)
    configure_logging(APP, settings.log_level, settings.log_format)
    return run(APP, partial(serve, settings), grace_s=settings.ingest_drain_timeout_s + 5)


if __name__ == "__main__":
    sys.exit(main())
