"""`python -m kenko.embedded`: run the broker and Redis until Ctrl-C, and print where they are."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from kenko.embedded.errors import EmbeddedError
from kenko.embedded.stack import EmbeddedStack


def main() -> int:
    """Run until SIGINT or SIGTERM. The optional argument is the directory for logs and data."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    stops = {signal.SIGINT, signal.SIGTERM}
    # Blocked, so that sigwait below is what takes them: no handler can interrupt the start or the stop half-way.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        with EmbeddedStack(directory) as stack:
            lines = [f"{name}={value}" for name, value in stack.environ().items()]
            lines.append(f"# Logs in {stack.directory}. Both start empty and keep nothing. Ctrl-C stops them.")
            print("\n".join(lines), flush=True)  # noqa: T201  this is the command's output
            signal.sigwait(stops)
    except EmbeddedError as error:
        print(f"kenko.embedded: {error}", file=sys.stderr)  # noqa: T201  as above
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
