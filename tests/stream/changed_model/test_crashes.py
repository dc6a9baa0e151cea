"""A crash anywhere in a cut-over repeats it, with the same ids."""

import asyncio
from copy import deepcopy

import pytest

from kenko.store.memory_partition import MemoryPartitionStore
from kenko.store.succession_memory import MemorySuccession
from tests.stream.changed_model.story import is_consistent, settled


class CrashingStore(MemoryPartitionStore):
    """Ends the process before, or right after, its nth commit."""

    def __init__(self, core, nth, *, after):
        super().__init__(core)
        self.left, self.after = nth, after

    async def commit(self, commit):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise asyncio.CancelledError
        outcome = await super().commit(commit)
        if self.left == 0:
            raise asyncio.CancelledError
        return outcome


class CrashingSuccession(MemorySuccession):
    """Ends the process before or after the pointer moves, or right after the claim."""

    def __init__(self, keyspaces, own, at):
        super().__init__(keyspaces, own, page=2)
        self.at = at

    async def claim(self, layout):
        claim = await super().claim(layout)
        if self.at == "claimed":
            raise asyncio.CancelledError
        return claim

    async def move(self, live, at):
        if self.at == "moving":
            raise asyncio.CancelledError
        moved = await super().move(live, at)
        if self.at == "moved":
            raise asyncio.CancelledError
        return moved


async def the_same_in_the_end(live, models, reference_transitions, crash):
    """After `crash(bench)` has ended a runner, the next one comes to what one that was never stopped came to."""
    before = len(live.transitions())
    taken = live.beside(models[1])
    dead = crash(taken)
    await taken.until(dead, dead._task.done)
    assert dead._task.cancelled()

    await settled(taken)

    told = live.transitions()[before:]
    unique = {t.id: t for t in told}
    for transition in told:
        assert unique[transition.id] == transition, "to the last field"
    assert sorted(unique) == sorted(reference_transitions)
    is_consistent(taken)
    return taken


@pytest.fixture
async def reference(live, models, kept):
    """Ids and rows of a cut-over without a crash, over the same log."""
    if "reference" not in kept:
        spaces, position, sent = deepcopy((live.keyspaces, live.log.position, live.output.sent))
        before = len(live.transitions())
        taken = live.beside(models[1])
        await settled(taken)
        kept["reference"] = [t.id for t in live.transitions()[before:]], taken.state()
        live.keyspaces, live.log.position, live.output.sent[:] = spaces, position, sent
        live.core = spaces.of(live.name)
    return kept["reference"]


@pytest.mark.parametrize(("nth", "after"), [*((nth, False) for nth in range(1, 8)), (1, True), (4, True), (7, True)])
async def test_a_crash_at_any_commit_repeats_the_same_ids(live, models, reference, nth, after):
    def crash(bench):
        return bench.runner(store=CrashingStore(bench.core, nth, after=after), commit_every=20)

    ids, state = reference
    taken = await the_same_in_the_end(live, models, ids, crash)

    assert taken.state() == state


@pytest.mark.parametrize("at", ["claimed", "moving", "moved"])
async def test_a_crash_at_the_pointer_repeats_the_same_ids(live, models, reference, at):
    def crash(bench):
        return bench.runner(succession=CrashingSuccession(bench.keyspaces, bench.name, at))

    ids, state = reference
    taken = await the_same_in_the_end(live, models, ids, crash)

    assert taken.state() == state
