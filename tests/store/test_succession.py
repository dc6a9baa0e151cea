"""Which keyspace is live, and who may write: one suite over the twin, Redis and Redis Cluster."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kenko.engine.identity import account_digest
from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.store.keys import PartitionKeys
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.roles import Role
from kenko.store.succession import Claim, LiveFence, NoLiveKeyspaceError, ShadowEndedError, Succession
from kenko.store.succession_memory import MemoryKeyspaces, MemorySuccession
from kenko.store.succession_redis import RedisSuccession

LOG = "cluster/topic"
OLD, NEW, THIRD = "m-old", "m-new", "m-third"

Side = Callable[[str], Succession]

_KINDS = [
    "memory",
    pytest.param("redis", marks=pytest.mark.connected),
    pytest.param("cluster", marks=pytest.mark.connected),
]


@pytest.fixture(params=_KINDS)
def side(request: pytest.FixtureRequest) -> Side:
    """The partition as the scorer of a model sees it."""
    if request.param == "memory":
        keyspaces = MemoryKeyspaces()
        return lambda model: MemorySuccession(keyspaces, model)
    client = request.getfixturevalue("store_client" if request.param == "redis" else "cluster_client")
    return lambda model: RedisSuccession(client, PartitionKeys(model, 3, 12), LOG)


def change(account_id: str) -> RowChange:
    return RowChange(account_id, account_id.encode(), 0, 5000, (CHUNK_HEADER.pack(0, 1) + bytes(8),))


async def write(side: Side, model: str, offset: int, *, role: Role, expected: int | None = None, accounts=()):
    commit = PartitionCommit(expected, Fence(offset, LOG), [change(a) for a in accounts], role=role)
    return await side(model).store(model).commit(commit)


async def live_at(side: Side, offset: int) -> None:
    """OLD is live, and has committed."""
    assert await side(OLD).claim(b"old") == Claim(Role.LIVE)
    assert await write(side, OLD, offset, role=Role.LIVE, accounts=["acme", "globex"]) is CommitOutcome.APPLIED


async def test_the_first_is_live(side):
    assert await side(OLD).live_fence() is None

    assert await side(OLD).claim(b"layout") == Claim(Role.LIVE)

    assert await side(OLD).live_fence() == LiveFence(OLD, None)
    assert await side(NEW).layout(OLD) == b"layout"
    assert await side(OLD).layout(NEW) is None


async def test_another_one_builds_up_to_the_fence_of_the_live_one(side):
    await live_at(side, 7)

    assert await side(NEW).claim(b"new") == Claim(Role.BUILDING, OLD, 7)

    assert await side(NEW).live_fence() == LiveFence(OLD, 7)
    assert await write(side, OLD, 9, role=Role.LIVE, expected=7) is CommitOutcome.REFUSED, "it must stand still"
    assert await write(side, NEW, 7, role=Role.LIVE) is CommitOutcome.APPLIED, "no fence, no role"


async def test_it_moves_only_while_both_stand_where_they_should(side):
    await live_at(side, 7)
    await side(NEW).claim(b"new")
    assert not await side(NEW).move(OLD, 7), "nothing is built"
    await write(side, NEW, 5, role=Role.BUILDING)
    assert not await side(NEW).move(OLD, 7)
    await write(side, NEW, 7, role=Role.BUILDING, expected=5)
    assert not await side(NEW).move(THIRD, 7)
    assert not await side(NEW).move(OLD, 5)

    assert await side(NEW).move(OLD, 7)

    assert await side(NEW).live_fence() == LiveFence(NEW, 7)
    assert await write(side, NEW, 8, role=Role.BUILDING, expected=7) is CommitOutcome.REFUSED
    assert await write(side, NEW, 8, role=Role.LIVE, expected=7) is CommitOutcome.APPLIED
    assert await write(side, OLD, 8, role=Role.LIVE, expected=7) is CommitOutcome.REFUSED
    assert not await side(NEW).move(OLD, 7), "done already"


async def test_what_the_live_one_takes_back_cannot_be_taken_from_it(side):
    await live_at(side, 7)
    await side(NEW).claim(b"new")
    await write(side, NEW, 7, role=Role.BUILDING)

    assert await side(OLD).claim(b"old") == Claim(Role.LIVE)

    assert not await side(NEW).move(OLD, 7)
    assert await write(side, OLD, 9, role=Role.LIVE, expected=7) is CommitOutcome.APPLIED
    assert await side(NEW).claim(b"new") == Claim(Role.BUILDING, OLD, 9)


async def test_the_one_that_was_left_can_come_back(side):
    await live_at(side, 7)
    await side(NEW).claim(b"new")
    await write(side, NEW, 7, role=Role.BUILDING)
    await side(NEW).move(OLD, 7)
    await write(side, NEW, 9, role=Role.LIVE, expected=7)

    assert await side(OLD).claim(b"old") == Claim(Role.BUILDING, NEW, 9)


async def test_a_shadow_stands_beside_the_live_one(side):
    with pytest.raises(NoLiveKeyspaceError):
        await side(NEW).claim_shadow(b"new")
    await live_at(side, 7)

    assert await side(NEW).claim_shadow(b"new") == Claim(Role.SHADOW, OLD)

    assert await write(side, NEW, 5, role=Role.SHADOW) is CommitOutcome.APPLIED
    assert await write(side, OLD, 9, role=Role.LIVE, expected=7) is CommitOutcome.APPLIED
    with pytest.raises(ShadowEndedError, match=OLD):
        await side(OLD).claim_shadow(b"old")


async def test_who_builds_takes_the_keyspace_from_the_shadow(side):
    await live_at(side, 7)
    await side(NEW).claim_shadow(b"new")
    await write(side, NEW, 5, role=Role.SHADOW)

    assert await side(NEW).claim(b"new") == Claim(Role.BUILDING, OLD, 7)

    assert await write(side, NEW, 6, role=Role.SHADOW, expected=5) is CommitOutcome.REFUSED
    with pytest.raises(ShadowEndedError, match=NEW):
        await side(NEW).claim_shadow(b"new")
    assert await side(THIRD).claim_shadow(b"third") == Claim(Role.SHADOW, OLD), "a third one may go on"


async def test_a_shadow_may_take_what_a_cut_over_that_was_given_up_has_left(side):
    await live_at(side, 7)
    await side(NEW).claim(b"new")
    await write(side, NEW, 5, role=Role.BUILDING)
    await side(OLD).claim(b"old")

    assert await side(NEW).claim_shadow(b"new") == Claim(Role.SHADOW, OLD)

    assert await write(side, NEW, 6, role=Role.BUILDING, expected=5) is CommitOutcome.REFUSED


@pytest.mark.parametrize("role", [Role.BUILDING, Role.SHADOW])
async def test_what_was_forgotten_there_is_forgotten_here(side, role):
    await live_at(side, 7)
    digest = account_digest("acme")
    erasing = PartitionCommit(7, Fence(8, LOG), erased={"acme": digest})
    await side(OLD).store(OLD).commit(erasing)

    await (side(NEW).claim(b"new") if role is Role.BUILDING else side(NEW).claim_shadow(b"new"))

    assert await side(NEW).store(NEW).forgotten() == {digest}


async def test_without_a_pointer_the_one_that_is_ahead_was_live(side):
    """A version without pointers ran before; shadows and what was built never count."""
    await write(side, OLD, 7, role=Role.LIVE)
    await write(side, "m-older", 5, role=Role.LIVE)
    await write(side, "m-shadow", 99, role=Role.SHADOW)

    assert await side(NEW).claim(b"new") == Claim(Role.BUILDING, OLD, 7)
    assert await side("m-older").claim(b"older") == Claim(Role.BUILDING, OLD, 7), "the pointer is there now"


async def test_without_a_pointer_ones_own_fence_is_live(side):
    await write(side, OLD, 7, role=Role.LIVE)

    assert await side(OLD).claim(b"old") == Claim(Role.LIVE)


async def test_a_live_keyspace_that_a_person_removed_is_not_waited_for(side):
    assert await side(OLD).claim(b"old") == Claim(Role.LIVE)  # and never committed: as good as removed

    assert await side(NEW).claim(b"new") == Claim(Role.LIVE)

    assert await side(NEW).live_fence() == LiveFence(NEW, None)


async def test_accounts_are_told_apart_by_keyspace(side):
    await live_at(side, 7)
    await write(side, NEW, 7, role=Role.SHADOW, accounts=["acme", "initech"])

    pages = [page async for page in side(NEW).accounts(OLD)]

    assert sorted(account for page in pages for account in page) == ["acme", "globex"]
    assert await side(NEW).unknown(OLD, ["acme", "initech"]) == ["initech"]
    assert await side(NEW).unknown(OLD, []) == []
