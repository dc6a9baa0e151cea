"""Which path speaks which dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kenko.dialects import cloudevents_http, segment_body
from kenko.dialects.mixpanel_routes import MIXPANEL_ROUTES
from kenko.dialects.posthog_routes import POSTHOG_ROUTES
from kenko.dialects.reading import Dialect
from kenko.dialects.request import RequestParts
from kenko.dialects.segment import SEGMENT

EVENTS_PATH: Final = "/v1/events"

ROUTES: Final[Mapping[str, Callable[[RequestParts], Dialect]]] = {
    EVENTS_PATH: cloudevents_http.dialect_of,
    **dict.fromkeys(segment_body.PATHS, lambda _parts: SEGMENT),
    **POSTHOG_ROUTES,
    **MIXPANEL_ROUTES,
}
"""By path: how to tell the dialect of a request to it."""

BROWSER_PATHS: Final = frozenset((*segment_body.PATHS, *POSTHOG_ROUTES, *MIXPANEL_ROUTES))
"""Libraries send to these from web pages, which are of another origin."""

GET_PATHS: Final = frozenset(MIXPANEL_ROUTES)
"""Paths that are taken by GET too."""

DROPPED_PATHS: Final = ("/v1/m", "/v1/m/")
"""What Segment's library for browsers measures of itself: it is told that all is well, and nothing is kept."""
