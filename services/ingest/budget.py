"""How many bytes of bodies may be held at the same time: what keeps memory bounded while Kafka is slow."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.ingest.answers import Refusal, RefusalCode


class Budget:
    """The whole of it. `on_change` is told the bytes in use."""

    def __init__(self, limit: int, on_change: Callable[[int], object]) -> None:
        self._limit = limit
        self._used = 0
        self._on_change = on_change

    def open(self) -> Share:
        """A share of one request, given back when its block ends."""
        return Share(self)

    def take(self, size: int) -> bool:
        if self._used + size > self._limit:
            return False
        self._used += size
        self._on_change(self._used)
        return True

    def give_back(self, size: int) -> None:
        self._used -= size
        self._on_change(self._used)


class Share:
    """What one request holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._held)

    def take(self, size: int) -> None:
        """Raises Refusal if there is no room now."""
        if not self._budget.take(size):
            raise Refusal(RefusalCode.OVERLOADED, "too much is under way: send it again later", retry_after_s=1)
        self._held += size
