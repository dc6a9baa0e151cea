"""An hour (F16, and F1, F5, F11 at length): a half under steady load, the rest with kills and an outage. SOAK_MINUTES=60."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from harness.servers import start
from harness.vitals import Vitals

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
LOOK_S = 5.0
UNDER_WAY = 8
pytestmark = pytest.mark.timeout(0)


async def test_f16_steady_load_grows_nothing(scene):
    """Half the time. Memory and descriptors of each process after its warm-up, and the lag."""
    scene.scorer("scorer-0")
    scene.scorer("scorer-1")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    vitals = {service.log.stem: Vitals() for service in scene.services}
    lags = []
    begun = time.monotonic()
    while (at_s := time.monotonic() - begun) < MINUTES * 30:
        for service in scene.services:
            assert service.running, service.end_of_log()
            vitals[service.log.stem].look(service.process.pid, at_s)
        lags.append((at_s, len(scene.load.accepted) - await scene.handled()))
        await asyncio.sleep(LOOK_S)  # the interval of a sample
    grown = {name: one.growth_mb_an_hour() for name, one in vitals.items()}
    descriptors = {name: one.descriptors() for name, one in vitals.items()}
    recovery = await scene.catches_up()
    await scene.finish(
        f"F16 {MINUTES / 2:.0f} minutes of steady load",
        injected=len(lags),
        hit=len(lags),
        recovery_s=recovery,
        note="; ".join(
            f"{name}: {grown[name]:+.1f} MB/h, {descriptors[name][0]} to {descriptors[name][1]} descriptors"
            for name in grown
        )
        + f"; lag at most {max(lag for _, lag in lags)} records",
    )
    assert all(most - fewest <= 10 for fewest, most in descriptors.values()), descriptors
    # The last third of the time is no further behind than the middle one: lag is bounded.
    third = len(lags) // 3
    assert max(lag for _, lag in lags[-third:]) <= 2 * max(lag for _, lag in lags[third:-third]) + 1000, lags
    if MINUTES >= 60:  # in less time the warm-up is not over
        assert max(grown.values()) < 1.0, grown


async def test_f1_f5_f11_at_length(scene, chance):
    """The other half: kills all the time, workers that join and leave, and the broker away for five minutes of an hour."""
    scene.scorer("scorer-0")
    scene.scorer("scorer-1")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    ends = time.monotonic() + MINUTES * 30
    kills = hit = told = 0
    outage_s = MINUTES * 5 if scene.broker.keeps else 0.0
    while time.monotonic() < ends:
        await scene.moves_on(50)
        await asyncio.sleep(chance.random())  # the moment is the fault's
        hit += await scene.behind()
        kills += 1
        if chance.random() < 0.1:
            told += 1
            scene.of("alerter")[0].kill()
            scene.alerter()
        else:
            victim = chance.choice(scene.of("scorer"))
            victim.kill()
            scene.scorer(victim.log.stem)
        if outage_s and time.monotonic() > ends - MINUTES * 15:
            await asyncio.to_thread(scene.broker.server.stop)
            await asyncio.sleep(outage_s)  # the length is the fault's
            await asyncio.to_thread(start, scene.broker.server)
            outage_s = 0.0
    recovery = await scene.catches_up()
    await scene.finish(
        f"F1, F5, F11 for {MINUTES / 2:.0f} minutes",
        injected=kills,
        hit=hit,
        recovery_s=recovery,
        may_double=told * UNDER_WAY,
        note=f"{told} kills of the alerter, broker away for {MINUTES * 5 if scene.broker.keeps else 0:.0f} s",
    )
