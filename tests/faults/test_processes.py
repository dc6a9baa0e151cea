"""Workers that die, stand still, stop in order, come and go (F1, F3, F4, F11)."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
from harness.scene import PARTITIONS
from harness.servers import start

pytestmark = pytest.mark.timeout(900)

KILLS = 20
UNDER_WAY = 8
"""Messages that the alerter sends at the same time: a kill may catch all of them between the 2xx and the record."""


async def test_f1_kill_9_at_random_moments(scene, chance):
    """One worker keeps a name over restarts and one does not: both ways of coming back are met."""
    named = {0: {"KENKO_GROUP_INSTANCE_ID": "zero"}, 1: {}}
    workers = {n: scene.scorer(f"scorer-{n}", **named[n]) for n in named}
    alerter = scene.alerter()
    scene.load.start()
    hit = told = 0
    for number in range(KILLS):
        await scene.moves_on(50)
        await asyncio.sleep(chance.random())  # the moment is the fault's
        victim = chance.randrange(2)
        hit += await scene.behind()
        workers[victim].kill()
        workers[victim] = scene.scorer(f"scorer-{victim}", **named[victim])
        if number % 7 == 6:
            told += 1
            alerter.kill()
            alerter = scene.alerter()
    recovery = await scene.catches_up()
    await scene.finish(
        "F1 kill -9 of a scorer",
        injected=KILLS,
        hit=hit,
        recovery_s=recovery,
        may_double=told * UNDER_WAY,
        note=f"and {told} of the alerter, with at most {UNDER_WAY} messages under way each",
    )


async def test_f3_rolling_restart_while_redis_is_slow(scene):
    for number in range(3):
        scene.scorer(f"scorer-{number}", **scene.proxied())
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    scene.proxy.delay_s = 0.05
    hit, longest = 0, 0.0
    for number in range(4):
        await scene.moves_on()
        hit += await scene.behind()
        oldest = scene.of("scorer")[0]
        begun = time.monotonic()
        code = await oldest.stop()
        longest = max(longest, time.monotonic() - begun)
        assert code == 0, f"code {code}: {oldest.end_of_log()}"
        await scene.until(scene.scorer(f"scorer-{number % 3}", **scene.proxied()).ready, "the next one ready")
    recovery = await scene.catches_up()
    await scene.finish(
        "F3 rolling SIGTERM, Redis 50 ms slow",
        injected=4,
        hit=hit,
        recovery_s=recovery,
        note=f"longest stop {longest:.1f} s of 25 s",
    )


@pytest.mark.parametrize("away", ["Redis", "Kafka"])
async def test_f3_stopped_while_a_server_is_away(scene, away):
    """What is in hand can neither be committed nor shown to Kafka: it ends all the same, and nothing of it is lost."""
    if away == "Kafka" and not scene.broker.keeps:
        pytest.skip("the trial broker comes back empty: only Apache Kafka can show this")
    scene.scorer("scorer-0")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    await scene.moves_on()
    hit = await scene.behind()
    server = scene.redis_server if away == "Redis" else scene.broker.server
    await asyncio.to_thread(server.stop)
    try:
        stopping = {service.name: service for service in scene.services}
        begun = time.monotonic()
        codes = await asyncio.gather(*(service.stop() for service in stopping.values()))
        took_s = time.monotonic() - begun
    finally:
        await asyncio.to_thread(start, server)
    scene.scorer("scorer-0")
    scene.alerter()
    recovery = await scene.catches_up()
    await scene.finish(
        f"F3 SIGTERM while {away} is away",
        injected=2,
        hit=hit,
        recovery_s=recovery,
        may_double=UNDER_WAY,
        note=f"both ended within {took_s:.1f} s, codes {dict(zip(stopping, codes, strict=True))}",
    )


async def test_f4_a_zombie_is_refused_by_the_fence(scene):
    """It stands still for longer than its session, others take its partitions over, and then it goes on."""
    scene.alerter()
    rounds, hit, refused = 2, 0, 0
    workers = [scene.scorer(f"scorer-{number}") for number in range(2)]
    await scene.all_ready()
    scene.load.start()
    for number in range(rounds):

        async def shared() -> bool:
            return await workers[0].owns() == await workers[1].owns() == PARTITIONS // 2

        await scene.until(shared, "two partitions each")
        await scene.moves_on()
        zombie, other = workers[number % 2], workers[1 - number % 2]
        before = sum(zombie.logged(f"scorer.{name}") for name in ("commit_refused", "last_commit_refused"))
        hit += await scene.behind()
        zombie.signal(signal.SIGSTOP)

        async def taken(other=other) -> bool:
            return await other.owns() == PARTITIONS

        await scene.until(taken, "all partitions taken over")
        await scene.moves_on(500)
        zombie.signal(signal.SIGCONT)
        await scene.until(shared, "two partitions each again")
        refused += sum(zombie.logged(f"scorer.{name}") for name in ("commit_refused", "last_commit_refused")) - before
    recovery = await scene.catches_up()
    await scene.finish(
        "F4 SIGSTOP beyond the session, then SIGCONT",
        injected=rounds,
        hit=hit,
        recovery_s=recovery,
        note=f"{refused} late commits refused by the fence",
    )


async def test_f11_workers_join_and_leave(scene, chance):
    scene.scorer("scorer-steady")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    changes = 12
    hit = 0
    for number in range(changes):
        hit += await scene.behind()
        guests = [s for s in scene.of("scorer") if "steady" not in s.log.name]
        if len(guests) == 2 or (guests and chance.random() < 0.3):
            guests[0].kill() if number % 2 else await guests[0].stop()
        else:
            scene.scorer(f"scorer-guest-{number}")
        await asyncio.sleep(3)  # the rhythm is the fault's
    recovery = await scene.catches_up()
    await scene.finish("F11 a worker joins or leaves every 3 s", injected=changes, hit=hit, recovery_s=recovery)


async def test_f11_more_workers_than_partitions(scene):
    """The idle ones must still be there when a partition comes free."""
    for number in range(PARTITIONS + 2):
        scene.scorer(f"scorer-{number}")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    await scene.moves_on()
    hit = 0
    for _ in range(3):
        owners = [s for s in scene.of("scorer") if await s.owns()]
        hit += await scene.behind()
        owners[0].kill()

        async def whole() -> bool:
            return sum([await s.owns() for s in scene.of("scorer")]) == PARTITIONS

        await scene.until(whole, "every partition owned again")
    recovery = await scene.catches_up()
    await scene.finish(
        f"F11 {PARTITIONS + 2} workers on {PARTITIONS} partitions, owners killed",
        injected=3,
        hit=hit,
        recovery_s=recovery,
    )
