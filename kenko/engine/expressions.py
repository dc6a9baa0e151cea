"""Conditions in CEL, the Common Expression Language: compiled once, evaluated for an event. Needs the extra `cel`.

CEL has no loops without an end, no clock and no chance, so the fold stays a fold.
"""

from __future__ import annotations

from collections.abc import Callable

from kenko.engine.usage import Usage

Condition = Callable[[Usage], bool | None]
"""True or false; None where the expression failed on this event, or gave something else than true or false."""


def compile_condition(text: str) -> Condition:
    """The expression as a function of an event; it sees `event`, `user_id`, `source` and `properties`.

    Raises ValueError for a mistake in the expression, ModuleNotFoundError where the extra is not installed.
    """
    try:
        import cel  # noqa: PLC0415 - an extra: only a model that uses it needs it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the model has a `cel` condition, and the package for it is not here: pip install 'kenko[cel]'", name="cel"
        ) from error
    execute = cel.compile(text).execute

    def condition(event: Usage) -> bool | None:
        try:
            found = execute(
                {
                    "event": event.event,
                    "user_id": event.user_id,
                    "source": event.source,
                    "properties": event.properties,
                }
            )
        except Exception:  # noqa: BLE001 - whatever a customer's event makes of it, it stops no partition
            return None
        return found if isinstance(found, bool) else None

    return condition
