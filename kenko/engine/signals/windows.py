"""Windows: half-open, in event time, in buckets.

An event at `t` lies in the bucket that starts at `start = t - t % bucket`, and counts while `now < start + window`. So
it leaves between one bucket before its own age reaches the window and the window itself. An event a little ahead of the
tick counts at once, as a last-seen later than now counts as now.
"""

from __future__ import annotations

from kenko.model.limits import DAY_MS, HOUR_MS, MINUTE_MS

_PER_WINDOW = 28
_SIZES = (
    *(minutes * MINUTE_MS for minutes in (2, 5, 10, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 3, 4, 6, 8, 12)),
    DAY_MS,
)
"""All divide a day, so days begin with a bucket."""


def bucket_size_ms(window_ms: int) -> int:
    """The largest size that is not above a 28th of the window; 2 minutes at least, a day at most."""
    return max((size for size in _SIZES if size * _PER_WINDOW <= window_ms), default=_SIZES[0])
