"""The paths of PostHog's clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kenko.dialects import posthog
from kenko.dialects.reading import Dialect
from kenko.dialects.request import RequestParts

V0_PATHS: Final = ("/batch", "/capture", "/e", "/i/v0/e", "/i/v0/ai/batch")
V1_PATH: Final = "/i/v1/analytics/events"
_GZIP: Final = frozenset({"gzip", "gzip-js"})


def _v0(parts: RequestParts) -> Dialect:
    """The browser sends gzip without saying so in a header: a page may set none without asking first."""
    if parts.query.get("compression") in _GZIP and "content-encoding" not in parts.headers:
        return posthog.V0._replace(encoding="gzip")
    return posthog.V0


POSTHOG_ROUTES: Final[Mapping[str, Callable[[RequestParts], Dialect]]] = {
    **dict.fromkeys((*V0_PATHS, *(f"{path}/" for path in V0_PATHS)), _v0),
    V1_PATH: lambda _parts: posthog.V1,
    f"{V1_PATH}/": lambda _parts: posthog.V1,
}
