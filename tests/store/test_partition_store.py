"""What every PartitionStore does: one suite over the twin, Redis and Redis Cluster."""

from __future__ import annotations

import pytest

from kenko.engine.rows import CHUNK_HEADER, Row, RowChange
from kenko.engine.source_rhythm import USUAL, Heard
from kenko.runtime.errors import TransientError
from kenko.store.memory_partition import Interruption, MemoryPartitionStore
from kenko.store.port import MAX_ROWS_A_COMMIT, CommitOutcome, Fence, PartitionCommit
from kenko.store.redis_partition import RedisPartitionStore

LOG = "cluster-1/topic-1"

ODD_ACCOUNTS = [
    ":{}*",
    "{x}",
    "}{",
    "a b",
    "*",
    "?[a-z]",
    "\\",
    "'\"",
    "%s",
    "健康",
    "é" * 100,
    "e\u0301" * 100,  # looks like the one above and is another
    "x" * 200,
    "🙂" * 50,
    "row:fence",
    "0",
    "-inf",
]


def change(account_id: str, state: bytes = b"state", due_ms: int | None = 0, score: int | None = 5000, **more):
    return RowChange(account_id, state, due_ms, score, **more)


def commit(expected: int | None, offset: int, *rows: RowChange, now_ms: int | None = None, **counts: int):
    return PartitionCommit(expected, Fence(offset, LOG, now_ms, counts), rows)


def chunk(offset: int, *ids: int, now_ms: int = 0) -> bytes:
    return CHUNK_HEADER.pack(now_ms, offset) + b"".join(i.to_bytes(8, "big") for i in ids)


async def test_an_empty_partition_has_nothing(world):
    store = world.runner()

    assert await store.fence() is None
    assert await store.rows(["acme"]) == {"acme": None}
    assert await store.rows([]) == {}
    assert await store.due(10**15, 10) == []
    assert await store.next_due() is None


async def test_a_commit_is_read_back(world):
    store = world.runner()
    state, ids = bytes(range(256)), chunk(6, 1, 2)
    fence = Fence(7, LOG, 1_772_000_000_123, {"applied": 6, "dead_lettered.invalid": 1, "ticks": 0})

    assert await store.commit(
        PartitionCommit(None, fence, [change("acme", state, 1_772_000_500_000, 3812, id_chunks=(ids,))])
    ) is (CommitOutcome.APPLIED)

    assert await store.fence() == fence
    assert await store.rows(["acme", "other"]) == {"acme": Row(state, [ids]), "other": None}
    assert await store.due(1_772_000_499_999, 10) == []
    assert await store.due(1_772_000_500_000, 10) == [(1_772_000_500_000, "acme")]
    assert await store.next_due() == 1_772_000_500_000
    assert await world.scores() == {"acme": 3812}


async def test_what_is_known_of_sources_moves_with_the_fence(world):
    store = world.runner()
    heard = {"crm": Heard(1_772_000_000_123, (1 << USUAL.kept) - 1), "健康 silent:": Heard(7, 1), "": Heard(9, 5)}
    told = Fence(7, LOG, 9, {"applied": 6}, silent={"crm": 5, "": 7, "silent:x": 1_772_000_000_123}, heard=heard)

    await store.commit(PartitionCommit(None, told))
    assert await store.fence() == told
    assert await world.runner().fence() == told, "after a restart too"

    back = Fence(8, LOG, 9, {"applied": 7}, heard={"crm": Heard(10, 1)})
    await store.commit(PartitionCommit(7, back))
    assert await store.fence() == back


async def test_which_copies_were_applied_moves_with_the_fence(world):
    store = world.runner()
    told = Fence(7, LOG, 9, {"applied": 6}, forwarded={0: 0, 11: 2**63 - 1})

    await store.commit(PartitionCommit(None, told))
    assert await store.fence() == told
    assert await world.runner().fence() == told, "after a restart too"

    assert await store.commit(PartitionCommit(6, Fence(8, LOG, forwarded={0: 5}))) is CommitOutcome.REFUSED
    assert (await store.fence()).forwarded == {0: 0, 11: 2**63 - 1}

    await store.commit(PartitionCommit(7, Fence(8, LOG, 9, {"applied": 7}, forwarded={0: 5})))
    assert (await store.fence()).forwarded == {0: 5}


async def test_a_commit_that_stops_before_its_fence_leaves_what_was_applied_of_copies(world):
    await world.runner().commit(PartitionCommit(None, Fence(7, LOG, forwarded={3: 4})))
    half_way = await world.interrupted_runner(Interruption.HALF_WAY)

    with pytest.raises(TransientError):
        await half_way.commit(PartitionCommit(7, Fence(8, LOG, forwarded={3: 9}), [change("acme")]))

    assert (await world.runner().fence()).forwarded == {3: 4}


@pytest.mark.parametrize("account_id", ["acme", *ODD_ACCOUNTS])
async def test_of_an_erased_account_only_its_digest_stays(world, account_id):
    store, digest = world.runner(), bytes(range(16))
    assert await store.forgotten() == frozenset()
    await store.commit(
        commit(None, 5, change(account_id, due_ms=7, id_chunks=(chunk(4, 1),)), change("other", due_ms=9))
    )

    erase = PartitionCommit(5, Fence(6, LOG), [change("third", due_ms=8)], {account_id: digest})
    assert await store.commit(erase) is CommitOutcome.APPLIED

    assert await world.runner().forgotten() == {digest}
    assert (await store.rows([account_id]))[account_id] is None
    assert await store.due(10, 10) == [(8, "third"), (9, "other")]
    assert await world.scores() == {"other": 5000, "third": 5000}
    assert await store.commit(commit(6, 7, change(account_id))) is CommitOutcome.APPLIED
    assert (await store.rows([account_id]))[account_id].ids == [], "its ids went with it"


async def test_a_refused_commit_forgets_nobody(world):
    await world.runner().commit(commit(None, 5, change("acme")))
    store = world.runner()

    assert await store.commit(PartitionCommit(4, Fence(6, LOG), (), {"acme": bytes(16)})) is CommitOutcome.REFUSED

    assert await store.forgotten() == frozenset()
    assert (await store.rows(["acme"]))["acme"] is not None


async def test_many_accounts_are_erased_in_one_commit(world):
    accounts = [f"account-{n}" for n in range(MAX_ROWS_A_COMMIT)]
    store = world.runner()
    await store.commit(commit(None, 1, *(change(account, id_chunks=(chunk(0, 1),)) for account in accounts)))

    erased = {account: n.to_bytes(16, "big") for n, account in enumerate(accounts)}
    assert await store.commit(PartitionCommit(1, Fence(2, LOG), (), erased)) is CommitOutcome.APPLIED

    assert await world.scores() == {}
    assert await store.next_due() is None
    assert await store.forgotten() == set(erased.values())


async def test_the_fence_moves_without_rows_and_without_a_tick(world):
    store = world.runner()

    assert await store.commit(commit(None, 0)) is CommitOutcome.APPLIED
    assert await store.commit(commit(0, 5, applied=0, duplicate=5)) is CommitOutcome.APPLIED

    assert await store.fence() == Fence(5, LOG, None, {"applied": 0, "duplicate": 5})


@pytest.mark.parametrize(
    ("expected", "offset"),
    [
        (None, 12),  # believes that the partition is new
        (5, 12),  # a zombie: another owner has moved on
        (9, 12),  # comes from a Redis that was newer
        (0, 12),  # 0 is an offset, not "none"
    ],
)
async def test_a_commit_that_expects_another_fence_is_refused_as_a_whole(world, expected, offset):
    store = world.runner()
    await store.commit(commit(None, 7, change("acme", b"good", 10, 5000, id_chunks=(chunk(6, 1),)), applied=7))

    outcome = await store.commit(
        commit(
            expected,
            offset,
            change("acme", b"bad", 20, 1, id_chunks=(chunk(8, 2),), drop_ids_through=6),
            change("new", b"bad"),
        )
    )

    assert outcome is CommitOutcome.REFUSED
    assert await store.fence() == Fence(7, LOG, None, {"applied": 7})
    assert await store.rows(["acme", "new"]) == {"acme": Row(b"good", [chunk(6, 1)]), "new": None}
    assert await store.due(100, 10) == [(10, "acme")]
    assert await world.scores() == {"acme": 5000}


async def test_of_two_runners_one_wins(world):
    zombie, owner = world.runner(), world.runner()
    await owner.commit(commit(None, 7))

    assert await owner.commit(commit(7, 9, change("acme", b"owner"))) is CommitOutcome.APPLIED
    assert await zombie.commit(commit(7, 8, change("acme", b"zombie"))) is CommitOutcome.REFUSED

    assert await owner.rows(["acme"]) == {"acme": Row(b"owner", [])}


async def test_a_commit_delivered_twice_is_applied_once(world):
    store = world.runner()
    same = commit(None, 7, change("acme", id_chunks=(chunk(6, 1),)))

    assert [await store.commit(same), await store.commit(same)] == [CommitOutcome.APPLIED, CommitOutcome.REFUSED]
    assert await store.rows(["acme"]) == {"acme": Row(b"state", [chunk(6, 1)])}


async def test_a_store_that_was_emptied_refuses_and_shows_no_fence(world):
    store = world.runner()
    await store.commit(commit(None, 7, change("acme")))
    await world.clear()

    assert await store.commit(commit(7, 9, change("other"))) is CommitOutcome.REFUSED
    assert await store.fence() is None
    assert await store.rows(["acme", "other"]) == {"acme": None, "other": None}


async def test_due_accounts_come_by_time_then_by_bytes(world):
    store = world.runner()
    same_time = ["b", "a", "aa", "B", "é", "z", "🙂", "\uffee", "健"]
    rows = [change(account, due_ms=5) for account in same_time]
    await store.commit(commit(None, 1, *rows, change("late", due_ms=6), change("touched", due_ms=0)))

    expected = [(0, "touched"), *((5, a) for a in sorted(same_time, key=str.encode)), (6, "late")]
    assert await store.due(6, 100) == expected
    assert await store.due(5, 100) == expected[:-1]
    assert await store.due(6, 4) == expected[:4]
    assert await store.due(6, 0) == []
    assert await store.next_due() == 0


async def test_a_due_time_is_moved_both_ways_and_removed(world):
    store = world.runner()
    await store.commit(commit(None, 1, change("up", due_ms=5), change("down", due_ms=5), change("gone", due_ms=5)))
    await store.commit(commit(1, 2, change("up", due_ms=9), change("down", due_ms=2), change("gone", due_ms=None)))

    assert await store.due(100, 10) == [(2, "down"), (9, "up")]

    await store.commit(commit(2, 3, change("up", due_ms=None), change("down", due_ms=None)))
    assert await store.due(100, 10) == []
    assert await store.next_due() is None


async def test_an_account_without_a_score_has_none_in_the_scores(world):
    store = world.runner()
    await store.commit(commit(None, 1, change("a", score=0), change("b", score=10_000), change("c", score=None)))
    assert await world.scores() == {"a": 0, "b": 10_000, "c": None}

    await store.commit(commit(1, 2, change("a", score=None), change("c", score=1)))
    assert await world.scores() == {"a": None, "b": 10_000, "c": 1}


async def test_rows_come_without_ids_where_none_are_asked_for(world):
    store = world.runner()
    chunks = (chunk(3, 1), chunk(4, 2))
    await store.commit(commit(None, 5, change("acme", id_chunks=chunks, tail=b"tail"), change("other", b"")))

    assert await store.rows(["acme", "no", "other"], with_ids=False) == {
        "acme": Row(b"state", None, b"tail"),
        "no": None,
        "other": Row(b"", None),
    }
    assert await store.rows(["acme"]) == {"acme": Row(b"state", [*chunks], b"tail")}


async def test_a_row_and_its_tail_are_written_together(world):
    store = world.runner()
    await store.commit(commit(None, 5, change("acme", tail=bytes(600))))
    await store.commit(commit(5, 6, change("acme", b"next", tail=b"t")))
    assert await store.rows(["acme"]) == {"acme": Row(b"next", [], b"t")}
    await store.commit(commit(6, 7, change("acme", b"last")))
    assert await store.rows(["acme"]) == {"acme": Row(b"last", [])}, "a change without a tail leaves none"


async def test_id_chunks_are_appended_and_dropped_by_their_offset(world):
    store = world.runner()
    first, second, third = chunk(3, 1, 2), chunk(4, 3), chunk(9, 4, 5, 6)
    await store.commit(commit(None, 5, change("acme", id_chunks=(first, second)), change("other", id_chunks=(first,))))

    await store.commit(commit(5, 10, change("acme", b"1", id_chunks=(third,), drop_ids_through=3)))
    assert await store.rows(["acme", "other"]) == {"acme": Row(b"1", [second, third]), "other": Row(b"state", [first])}

    await store.commit(commit(10, 11, change("acme", b"2", drop_ids_through=8)))
    assert await store.rows(["acme"]) == {"acme": Row(b"2", [third])}

    await store.commit(commit(11, 12, change("acme", b"3", drop_ids_through=2**52)))
    assert await store.rows(["acme"]) == {"acme": Row(b"3", [])}


@pytest.mark.parametrize("account_id", ODD_ACCOUNTS)
async def test_an_account_id_may_hold_anything(world, account_id):
    store = world.runner()
    rows = [change(account_id, b"odd", 3, 17, id_chunks=(chunk(1, 1),)), change("plain", b"plain", 4)]
    await store.commit(commit(None, 1, *rows))

    assert await store.rows([account_id, "plain"]) == {
        account_id: Row(b"odd", [chunk(1, 1)]),
        "plain": Row(b"plain", []),
    }
    assert await store.due(3, 10) == [(3, account_id)]
    assert (await world.scores())[account_id] == 17


async def test_a_full_commit_fits(world):
    store = world.runner()
    accounts = [f"account-{n:05}" for n in range(MAX_ROWS_A_COMMIT)]
    rows = [
        change(a, f"state of {a}".encode(), None if n % 3 == 0 else n, n % 10_001, id_chunks=(chunk(n, n), chunk(n, 0)))
        for n, a in enumerate(accounts)
    ]
    assert await store.commit(commit(None, 1, *rows)) is CommitOutcome.APPLIED

    assert await store.rows(accounts) == {c.account_id: Row(c.state, list(c.id_chunks)) for c in rows}
    assert await store.due(10**15, 10_000) == [(c.due_ms, c.account_id) for c in rows if c.due_ms is not None]
    assert await world.scores() == {c.account_id: c.score_centi for c in rows}


async def test_one_account_may_bring_many_chunks_and_drop_many(world):
    store = world.runner()
    chunks = tuple(chunk(n, n) for n in range(10_000))
    await store.commit(commit(None, 10_000, change("hot", id_chunks=chunks)))
    assert await store.rows(["hot"]) == {"hot": Row(b"state", list(chunks))}

    await store.commit(commit(10_000, 10_001, change("hot", drop_ids_through=9_997)))
    assert await store.rows(["hot"]) == {"hot": Row(b"state", list(chunks[9_998:]))}


async def test_more_accounts_than_a_commit_holds_can_be_read(world):
    store = world.runner()
    await store.commit(commit(None, 1, change("known")))
    accounts = [*(f"unknown-{n}" for n in range(2 * MAX_ROWS_A_COMMIT)), "known"]

    rows = await store.rows(accounts)

    assert list(rows) == accounts
    assert rows.pop("known") == Row(b"state", [])
    assert set(rows.values()) == {None}


async def test_counts_are_those_of_the_commit_not_of_later(world):
    store = world.runner()
    counts = {"applied": 1}
    await store.commit(PartitionCommit(None, Fence(1, LOG, None, counts)))
    counts["applied"] = 2

    assert await store.fence() == Fence(1, LOG, None, {"applied": 1})


@pytest.mark.parametrize(
    ("expected", "offset", "rows", "message"),
    [
        (7, 6, [], "cannot go back"),
        (7, 8, [change(str(n)) for n in range(MAX_ROWS_A_COMMIT + 1)], "2001 rows"),
        (7, 8, [change("acme"), change("acme")], "twice"),
    ],
)
def test_a_commit_that_makes_no_sense_cannot_be_made(expected, offset, rows, message):
    with pytest.raises(ValueError, match=message):
        commit(expected, offset, *rows)


def test_both_stores_fit_the_port():
    from kenko.store.port import PartitionStore

    methods = {name for name in vars(PartitionStore) if not name.startswith("_")}
    assert methods == {"fence", "forgotten", "rows", "due", "next_due", "commit"}
    for store in (MemoryPartitionStore, RedisPartitionStore):
        assert methods <= set(vars(store))
