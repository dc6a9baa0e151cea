"""Windows: half-open, in event time, in buckets.

An event at `t` lies in the bucket that starts at `start = t - t % bucket`, and counts while `now < start + window`. So
it leaves between one bucket before its own age reaches the window and the window itself. An event a little ahead of the
tick counts at once, as a last-seen later than now counts as now.
"""

from __future__ import annotations

from kenko.model.limits import DAY_MS, HOUR_MS, MINUTE_MS

SLACK_MS = 2 * DAY_MS
"""Events come no further ahead of the next tick than this, so nothing is dropped that still counts at it. And a source
that falls silent is found out within this time: what it feeds is then read at the time of its last event, so what has
left a window must still be there.
"""
_PER_WINDOW = 28
_SIZES = (
    *(minutes * MINUTE_MS for minutes in (2, 5, 10, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 3, 4, 6, 8, 12)),
    DAY_MS,
)
"""All divide a day, so days begin with a bucket."""


def kept_ms(span_ms: int) -> int:
    """How far back buckets are kept that may count for `span_ms`: the slack longer, but no more than twice the span."""
    return span_ms + min(SLACK_MS, span_ms)


def bucket_size_ms(window_ms: int) -> int:
    """The largest size that is not above a 28th of the window; 2 minutes at least, a day at most."""
    return max((size for size in _SIZES if size * _PER_WINDOW <= window_ms), default=_SIZES[0])
