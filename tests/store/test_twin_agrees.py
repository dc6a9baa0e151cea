"""Whatever is done to them, the twin and Redis give the same answers."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.engine.source_rhythm import Heard
from kenko.runtime.errors import TransientError
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys
from kenko.store.memory_partition import Interruption, MemoryPartition
from kenko.store.port import Fence, PartitionCommit

ACCOUNTS = st.sampled_from(["a", "b", "aa", "é", "健康", "🙂", "{x}", ":*"])
CHUNKS = st.builds(
    lambda now, offset, ids: CHUNK_HEADER.pack(now, offset) + ids,
    st.integers(0, 9),
    st.integers(0, 9) | st.just(2**50),
    st.binary(max_size=16),
)
DUE = st.none() | st.integers(0, 5) | st.integers(0, 2**45)
CHANGES = st.builds(
    RowChange,
    ACCOUNTS,
    st.binary(min_size=1, max_size=20),
    DUE,
    st.none() | st.integers(0, 10_000),
    st.lists(CHUNKS, max_size=3).map(tuple),
    st.none() | st.integers(0, 9),
    st.binary(max_size=16),
)
ROWS = st.lists(CHANGES, max_size=6, unique_by=lambda change: change.account_id)
COUNTS = st.dictionaries(st.sampled_from(["applied", "duplicate", "dead_lettered.invalid"]), st.integers(0, 2**50))
SOURCES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SILENT = st.dictionaries(SOURCES, st.integers(0, 2**45), max_size=3)
HEARD = st.dictionaries(SOURCES, st.builds(Heard, st.integers(0, 2**45), st.integers(1, 2**336 - 1)), max_size=3)
STEPS = st.integers(0, 3) | st.integers(0, 2**40)


class TwinMachine(RuleBasedStateMachine):
    """Does the same to the twin and to Redis."""

    world: ClassVar[Any]
    run: ClassVar[Any]
    """Waits for a coroutine."""

    def __init__(self):
        super().__init__()
        self.run(self.world.client.flushall())
        self.twin, self.store, self.offset = MemoryPartition(), self.world.runner(), None

    def both(self, commit, store=None):
        """The outcome, or the name of the error, of the commit in both."""
        outcomes = []
        for attempt in (lambda: self.twin.commit(commit), lambda: self.run((store or self.store).commit(commit))):
            try:
                outcomes.append(attempt())
            except TransientError:
                outcomes.append("interrupted")
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    @rule(rows=ROWS, step=STEPS, now=st.none() | st.integers(0, 2**45), counts=COUNTS, silent=SILENT, heard=HEARD)
    def commits(self, rows, step, now, counts, silent, heard):
        offset = (self.offset or 0) + step
        fence = Fence(offset, "log", now, counts, silent, heard)
        assert self.both(PartitionCommit(self.offset, fence, rows)) == "applied"
        self.offset = offset

    @rule(rows=ROWS, step=st.integers(0, 3), at=st.sampled_from(Interruption))
    def is_interrupted(self, rows, step, at):
        offset = (self.offset or 0) + step
        self.twin.interrupt_next_commit(at)
        store = self.run(self.world.interrupted_runner(at))
        assert self.both(PartitionCommit(self.offset, Fence(offset, "log"), rows), store) == "interrupted"
        if at is Interruption.AFTER:
            self.offset = offset

    @rule(rows=ROWS, expected=st.none() | st.integers(0, 9))
    def comes_with_another_fence(self, rows, expected):
        if expected != self.offset:
            assert self.both(PartitionCommit(expected, Fence(2**52, "zombie"), rows)) == "refused"

    @rule(until=st.integers(0, 2**45), limit=st.integers(0, 10))
    def asks_what_is_due(self, until, limit):
        assert self.twin.due(until, limit) == self.run(self.store.due(until, limit))

    @precondition(lambda self: self.offset is not None)
    @rule()
    def is_emptied(self):
        self.twin.clear()
        self.run(self.world.client.flushall())
        self.offset = None

    @rule()
    def forgets_its_scripts(self):
        self.run(self.world.client.script_flush())

    @invariant()
    def agree(self):
        accounts = ["a", "b", "aa", "é", "健康", "🙂", "{x}", ":*"]
        assert self.twin.fence() == self.run(self.store.fence())
        assert self.twin.rows(accounts) == self.run(self.store.rows(accounts))
        assert self.twin.next_due() == self.run(self.store.next_due())
        assert self.twin.due(2**50, 100) == self.run(self.store.due(2**50, 100))
        assert self.twin.scores == self.run(self.world.scores())


@pytest.mark.connected
def test_twin_and_redis_agree(store_redis, redis_world_type):
    with asyncio.Runner() as runner:
        client = connect(store_redis.url)
        world = redis_world_type(client, PartitionKeys("default-0123abcd", 3, 12))
        try:
            run_state_machine_as_test(
                type("Bound", (TwinMachine,), {"world": world, "run": staticmethod(runner.run)}),
                settings=settings(
                    max_examples=40,
                    stateful_step_count=15,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(client.aclose())
