"""The paths of Mixpanel's clients. Node's sends single calls as GET, with all of it in the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kenko.dialects import form, mixpanel
from kenko.dialects.reading import Dialect
from kenko.dialects.request import RequestParts


def _import(parts: RequestParts) -> Dialect:
    """Clients that send JSON want the answer of `/import`, those that send a form that of `/track`."""
    is_json = "json" in parts.content_type.lower() and not parts.content_type.lower().startswith(form.FORM_TYPE)
    return mixpanel.IMPORT if is_json else mixpanel.EVENTS


_BY_PATH: Final[Mapping[str, Callable[[RequestParts], Dialect]]] = {
    "/track": lambda _parts: mixpanel.EVENTS,
    "/import": _import,
    "/groups": lambda _parts: mixpanel.GROUPS,
    "/engage": lambda _parts: mixpanel.PERSONS,
}
MIXPANEL_ROUTES: Final[Mapping[str, Callable[[RequestParts], Dialect]]] = {
    **_BY_PATH,
    **{f"{path}/": dialect for path, dialect in _BY_PATH.items()},
}
