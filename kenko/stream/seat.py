"""Seat: as what a runner sits at its partition: it tells, it builds in silence, or it only looks on.

A runner asks its seat, and knows no model but its own.
"""

from __future__ import annotations

from typing import Final, Protocol

from kenko.store.roles import Role

NEVER: Final = 1 << 62
"""No offset is that high: nothing below it is told."""


class Seat(Protocol):
    """Of one runner; see `AlwaysLive`, `cut_over.LiveSeat` and `shadow.ShadowSeat`."""

    @property
    def role(self) -> Role:
        """What the runner's commits say."""

    @property
    def silent_below(self) -> int:
        """Records below this offset make state, and are told to nobody."""

    async def take(self) -> None:
        """Whenever the runner begins at its fence: whose the keyspace is may have changed."""

    def is_due(self, next_offset: int) -> bool:
        """Whether nothing from `next_offset` on may be applied before `cut_over`."""

    async def cut_over(self) -> None:
        """What is applied is committed: take the place of the live keyspace. The runner begins anew afterwards.

        Raises:
            FenceMovedError: somebody has moved what must stand still; the runner begins anew, and so does this.
            ConfigurationError: a person has to decide.
        """

    async def reached(self, end: int) -> bool:
        """Wait until records below `end` may be applied. False: give up, the runner stops."""

    def stop(self) -> None:
        """Wait for nothing any more."""


class AlwaysLive:
    """One model, one keyspace, everything is told."""

    role = Role.LIVE
    silent_below = 0

    async def take(self) -> None: ...

    def is_due(self, next_offset: int) -> bool:  # noqa: ARG002 - the port's shape
        return False

    async def cut_over(self) -> None: ...

    async def reached(self, end: int) -> bool:  # noqa: ARG002 - the port's shape
        return True

    def stop(self) -> None: ...
