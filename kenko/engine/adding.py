"""What an event did to the cell of a signal. Plain integers: this is asked several times an event."""

from __future__ import annotations

from typing import Final

SAME: Final = 0
"""The cell is as it was: the event is none of the signal's, or tells it nothing that it does not know."""
BAD: Final = 1
"""The cell is as it was, for the event's value is no good."""
CHANGED: Final = 2
"""The cell may say something else now. To say so of one that is as it was costs time and nothing else."""
