"""`kenko`, also as `python -m kenko.cli`."""

from __future__ import annotations

from kenko.cli.app import app
from kenko.runtime.logging import configure_logging


def main() -> None:
    """Run the command line."""
    # The rooms below log what they do; here the command's own words say it.
    configure_logging("cli", level="warning", form="console")
    app()


if __name__ == "__main__":
    main()
