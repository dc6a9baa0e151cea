"""Accounts by due time, in memory: what the sorted set `due` is in Redis."""

from __future__ import annotations

import heapq


class DueIndex:
    """At most one due time an account; read in the order (due time, account).

    Strings compare by code point, which is the order of their UTF-8 bytes: the order of Redis.
    """

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []  # holds outdated entries too: an entry counts if `_due` agrees

    def __len__(self) -> int:
        return len(self._due)

    def put(self, account_id: str, due_ms: int) -> None:
        """Due at `due_ms`, and at no other time."""
        if self._due.get(account_id) != due_ms:
            self._due[account_id] = due_ms
            heapq.heappush(self._heap, (due_ms, account_id))
            self._shed_outdated()

    def drop(self, account_id: str) -> None:
        """Not due at any time."""
        self._due.pop(account_id, None)

    def first(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        """At most `limit` accounts due at or before `until_ms`, in order; they stay due."""
        found: list[tuple[int, str]] = []
        while self._heap and len(found) < limit and self._heap[0][0] <= until_ms:
            entry = heapq.heappop(self._heap)
            if self._due.get(entry[1]) == entry[0] and (not found or found[-1] != entry):
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return found

    def earliest(self) -> int | None:
        """The earliest due time, None if nothing is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _shed_outdated(self) -> None:
        if len(self._heap) > 2 * len(self._due) + 1000:
            self._heap = [(due_ms, account_id) for account_id, due_ms in self._due.items()]
            heapq.heapify(self._heap)
