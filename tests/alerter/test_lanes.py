"""Lanes: many records under way, one account in order."""

from __future__ import annotations

import asyncio

import pytest

from services.alerter.lanes import Lanes


class Handling:
    """Records that are under way until they are let go."""

    def __init__(self):
        self.begun = []
        self.gates = {}

    async def __call__(self, offset, value):
        self.begun.append(offset)
        await self.gates.setdefault(offset, asyncio.Event()).wait()
        if value == b"poison":
            raise ZeroDivisionError

    def end(self, *offsets):
        for offset in offsets:
            self.gates.setdefault(offset, asyncio.Event()).set()


@pytest.fixture
def handling():
    return Handling()


@pytest.fixture
def acked():
    return []


@pytest.fixture
async def take(handling, acked):
    lanes = Lanes(at_once=3)

    async def take(offset, key=b"a", value=b"{}"):
        async def work():
            await handling(offset, value)
            acked.append(offset)

        await lanes.take(key, work)

    yield take
    await lanes.close()


async def turns():
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_accounts_are_handled_at_once_and_one_account_in_order(take, handling):
    await take(0, b"a")
    await take(1, b"a")
    await take(2, b"b")
    await turns()
    assert handling.begun == [0, 2]
    handling.end(0)
    await turns()
    assert handling.begun == [0, 2, 1]


async def test_a_full_house_waits_for_the_oldest(take, handling):
    for offset, key in enumerate([b"a", b"b", b"c"]):
        await take(offset, key)
    fourth = asyncio.create_task(take(3, b"d"))
    await turns()
    assert handling.begun == [0, 1, 2]
    handling.end(0)
    await fourth
    await turns()
    assert handling.begun == [0, 1, 2, 3]


async def test_a_tick_comes_after_all_before_it_and_before_all_after_it(take, handling, acked):
    await take(0, b"a")
    tick = asyncio.create_task(take(1, None))
    await turns()
    assert handling.begun == [0]
    handling.end(0)
    await turns()
    assert (handling.begun, tick.done()) == ([0, 1], False)
    handling.end(1)
    await tick
    assert acked == [0, 1]


async def test_a_failed_record_is_not_overtaken_by_its_account_and_is_told_of(take, handling, acked):
    await take(0, b"a", b"poison")
    await take(1, b"a")
    await take(2, b"b")
    handling.end(0, 1, 2)
    await turns()
    assert (handling.begun, acked) == ([0, 2], [2])
    with pytest.raises(ZeroDivisionError):
        await take(3, b"c")


async def test_what_is_under_way_at_the_end_is_not_acknowledged(handling, acked):
    lanes = Lanes()

    async def work():
        await handling(0, b"{}")
        acked.append(0)

    await lanes.take(b"a", work)
    await turns()
    await lanes.close()
    handling.end(0)
    await turns()
    assert (handling.begun, acked) == ([0], [])
