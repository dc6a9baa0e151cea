"""Usage: what signals see of a usage event."""

from __future__ import annotations

from typing import Any, Protocol


class Usage(Protocol):
    """A `UsageEvent`, or what stands for one where millions are read from a file. Its time goes beside it."""

    @property
    def id(self) -> str:
        """Stays the same when the producer retries; unique within `source`."""

    @property
    def source(self) -> str:
        """Who produced it."""

    @property
    def account_id(self) -> str:
        """The customer scored."""

    @property
    def user_id(self) -> str | None:
        """The person in the account, where there is one."""

    @property
    def event(self) -> str:
        """What happened."""

    @property
    def properties(self) -> dict[str, Any]:
        """Free JSON properties. Nobody changes them."""
