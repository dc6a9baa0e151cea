"""`kenko`, also as `python -m kenko.cli`."""

from __future__ import annotations

import sys

from kenko.cli.app import app
from kenko.runtime.logging import configure_logging


def main() -> None:
    """Run the command line."""
    # The rooms below log what they do; here the command's own words say it. What is logged all the same stays out of its
    # output, which may go into a file or another program.
    configure_logging("cli", level="warning", form="console", stream=sys.stderr)
    app()


if __name__ == "__main__":
    main()
