"""Kept: an account as it was at its last evaluation, in memory. About half the price of its row.

It shares the cells of the account until an event is to change them: then the account goes on with a copy.
"""

from __future__ import annotations

from copy import copy
from functools import lru_cache

from kenko.engine.state import AccountState


@lru_cache(maxsize=4096)
def _places(cells: int) -> tuple[int, ...]:
    """Of the bits that are set."""
    return tuple(place for place in range(cells.bit_length()) if cells >> place & 1)


class Kept:
    """What a step is split against while an account is touched."""

    __slots__ = ("_parted", "state")

    def __init__(self) -> None:
        self.state: AccountState | None = None
        """As it was, to score it again; days of use and rules are not kept. None: not touched since, or never scored."""
        self._parted = 0
        """Bit i: the account has a cell i of its own."""

    def keep(self, state: AccountState) -> None:
        """From now on events may change the account."""
        self.state = kept = copy(state)
        kept.signals = state.signals.copy()
        kept.traits = state.traits.copy()
        kept.lasting = state.lasting.copy()
        self._parted = 0

    def part(self, state: AccountState, cells: int) -> None:
        """These cells, a bit each, will be changed in place."""
        shared = cells & ~self._parted
        if shared and self.state is not None:
            self._parted |= shared
            signals = state.signals
            for place in _places(shared):
                signals[place] = signals[place].copy()

    def take(self) -> AccountState | None:
        """The account as it was; it is not kept any longer."""
        state, self.state = self.state, None
        return state
