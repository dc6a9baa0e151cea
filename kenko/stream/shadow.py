"""ShadowSeat: the seat of a second model beside the live one. It applies what the live one has applied, and tells nobody.

It never overtakes the live fence: so whenever its model is to take over, what it has built lies at or below the point of
the cut-over, and only the rest is still to be read (see `cut_over`).
"""

from __future__ import annotations

import asyncio
from typing import Final

from kenko.engine.scorer import Scorer
from kenko.model.layout import encode_layout, layout_of
from kenko.runtime.errors import ConfigurationError, TransientError
from kenko.store.roles import Role
from kenko.store.succession import Claim, NoLiveKeyspaceError, ShadowEndedError, Succession
from kenko.stream.patience import Patience
from kenko.stream.seat import NEVER

LOOK_EVERY_S: Final = 0.2
"""How often the live fence is asked for while a batch waits for it."""


class ShadowSeat:
    """Of one partition."""

    role = Role.SHADOW
    silent_below = NEVER

    def __init__(self, scorer: Scorer, succession: Succession, patience: Patience) -> None:
        self._layout = encode_layout(layout_of(scorer.model))
        self._succession = succession
        self._patience = patience
        self._stopped = asyncio.Event()
        self._live_offset = -1

    async def take(self) -> None:
        """Wait for a live keyspace, and stand beside it.

        Raises:
            ConfigurationError: the model is live itself, or is about to be.
        """
        self._live_offset = -1
        try:
            await self._patience.outlast("redis", self._claim)
        except ShadowEndedError as ended:
            raise ConfigurationError(
                f"KENKO_SHADOW: {ended}: a shadow has nothing to do there. Its state is used by the scorers; stop this process."
            ) from None

    def is_due(self, next_offset: int) -> bool:  # noqa: ARG002 - the port's shape
        return False

    async def cut_over(self) -> None:
        """A shadow never does."""

    async def reached(self, end: int) -> bool:
        while self._live_offset < end:
            fence = await self._patience.outlast("redis", self._succession.live_fence)
            self._live_offset = -1 if fence is None or fence.offset is None else fence.offset
            if self._live_offset < end and await self._stops():
                return False
        return True

    def stop(self) -> None:
        self._stopped.set()

    async def _claim(self) -> Claim:
        try:
            return await self._succession.claim_shadow(self._layout)
        except NoLiveKeyspaceError as none:
            raise TransientError(f"{none}: it comes with the first scorer") from None

    async def _stops(self) -> bool:
        """Whether the runner stops, after a while."""
        try:
            await asyncio.wait_for(self._stopped.wait(), LOOK_EVERY_S)
        except TimeoutError:
            return False
        return True
