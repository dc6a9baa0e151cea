"""Limits that decide results, once. They are part of the score hash: another limit gives another hash."""

from __future__ import annotations

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

ENGINE_VERSION = 4
"""Raise it whenever the same log with the same model would give another result."""

LAYOUT_VERSION = 4
"""Raise it whenever a stored row can no longer be read, or means something else."""

DUE_BUDGET = 1000
"""Most accounts evaluated at one tick; what is left waits for the next."""

MIN_HORIZON_MS = 35 * DAY_MS
"""An event this much older than log time still counts, however short the windows are."""

ID_MEMORY_MS = DAY_MS
"""How long, in log time, an applied id is remembered; it counts from the end of its hour."""

ID_GRAIN_MS = HOUR_MS
"""Log time at which an id was applied is kept as the end of the hour: many ids share one."""

ID_LIMIT = 131_072
"""Most ids an account remembers: 1 MB."""

MIN_WINDOW_MS = HOUR_MS
MAX_WINDOW_MS = 365 * DAY_MS

CLOSES_KEPT = 400
"""Days of which an account keeps the close."""

LATE_MS = HOUR_MS
"""An event this much older than the account's last evaluation came late: its effect is told apart."""

RHYTHM_DAYS = 84
"""Days of use from which an account's usual gap is taken."""
