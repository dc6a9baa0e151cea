"""Which signals an event touches: an index by event name, so that an event costs only the signals that match it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, Protocol

from kenko.engine.adding import BAD, SAME
from kenko.engine.comparing import value_test
from kenko.engine.expressions import compile_condition
from kenko.engine.usage import Usage
from kenko.model.signal_spec import Match, PropertyTest, Signal

Add = Callable[[list[Any], Usage, int, bytes], int]
"""Takes one event into the cells of a row; answers what that did to its own: see `adding`."""

_CACHED_NAMES = 4096
"""Names come from outside: without a bound somebody could fill the memory with new ones."""


class Adds(Protocol):
    """What takes events in: a compiled signal."""

    def add(self, cells: list[Any], event: Usage, time_ms: int, digest: bytes, /) -> int:
        """As `Add`."""


class EventIndex:
    """The signals to touch, by event name."""

    def __init__(self, signals: Sequence[Signal], kinds: Sequence[Adds], *, no_use: Collection[str] = ()) -> None:
        """`no_use`: events that only tell traits; a signal must name such a one to count it.

        Raises ValueError or ModuleNotFoundError for a `cel` condition that cannot be compiled.
        """
        pairs = [
            (place, match, _compiled(match, kind.add))
            for place, (signal, kind) in enumerate(zip(signals, kinds, strict=True))
            if (match := signal.match) is not None
        ]
        telling = frozenset(no_use)

        def find(name: str) -> tuple[tuple[int, Add], ...]:
            is_use = name not in telling
            return tuple((place, add) for place, match, add in pairs if _matches_name(match, name, is_use=is_use))

        self.adds: Callable[[str], tuple[Add, ...]] = lru_cache(_CACHED_NAMES)(
            lambda name: tuple(add for _, add in find(name))
        )
        """What to call for an event of this name."""
        self.places: Callable[[str], tuple[int, ...]] = lambda name: tuple(place for place, _ in find(name))
        """Which signals that may touch."""


def _matches_name(match: Match, name: str, *, is_use: bool) -> bool:
    if name in match.excluded or name.startswith(match.excluded_prefixes):
        return False
    if match.events is not None and name in match.events:
        return True
    if match.prefixes:
        return is_use and name.startswith(match.prefixes)
    return is_use and match.events is None


def _compiled(match: Match, add: Add) -> Add:
    """`add` behind all tests of `match` but that of the name; the dearest one, CEL, comes last."""
    if match.cel is not None:
        add = _with_condition(match.cel, add)
    if match.tests:
        add = _with_tests(match.tests, add)
    return _with_sources(match.sources, add) if match.sources else add


def _with_sources(sources: tuple[str, ...], add: Add) -> Add:
    known = frozenset(sources)

    def add_if_sent_by_one(cells: list[Any], event: Usage, time_ms: int, digest: bytes) -> int:
        return add(cells, event, time_ms, digest) if event.source in known else SAME

    return add_if_sent_by_one


def _with_tests(specs: tuple[PropertyTest, ...], add: Add) -> Add:
    tests = tuple((test.property, value_test(test)) for test in specs)
    if len(tests) == 1:  # nearly always
        [(name_of_one, one_holds)] = tests

        def add_if_it_holds(cells: list[Any], event: Usage, time_ms: int, digest: bytes) -> int:
            return add(cells, event, time_ms, digest) if one_holds(event.properties.get(name_of_one)) else SAME

        return add_if_it_holds

    def add_if_all_hold(cells: list[Any], event: Usage, time_ms: int, digest: bytes) -> int:
        properties = event.properties
        for name, holds in tests:
            if not holds(properties.get(name)):
                return SAME
        return add(cells, event, time_ms, digest)

    return add_if_all_hold


def _with_condition(text: str, add: Add) -> Add:
    condition = compile_condition(text)

    def add_if_true(cells: list[Any], event: Usage, time_ms: int, digest: bytes) -> int:
        holds = condition(event)
        if holds:
            return add(cells, event, time_ms, digest)
        return BAD if holds is None else SAME

    return add_if_true
