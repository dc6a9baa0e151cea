"""A crash at each named point (F2)."""

from __future__ import annotations

import asyncio

import pytest

from kenko.runtime.crash import CrashPoint

pytestmark = pytest.mark.timeout(900)

SCORER = (
    CrashPoint.OUTPUTS_BEFORE,
    CrashPoint.OUTPUTS_AFTER,
    CrashPoint.TRANSITION_PRODUCED,
    CrashPoint.COMMIT_BEFORE,
    CrashPoint.COMMIT_AFTER,
)
ALERTER = (
    CrashPoint.ALERT_CLAIMED,
    CrashPoint.ALERT_BEFORE_SEND,
    CrashPoint.ALERT_ANSWERED,
    CrashPoint.ALERT_RECORDED,
)
TIMES = 2
UNDER_WAY = 8


async def dies(service):
    """By the signal of the crash point, and by nothing else."""
    code = await asyncio.to_thread(service.process.wait, 120)
    assert code == -9, f"code {code}: {service.end_of_log()}"


async def test_f2_the_scorer_crashes_at_each_point(scene, chance):
    alerter = scene.alerter()
    await scene.until(alerter.ready, "alerter ready")
    scene.load.start()
    for point in SCORER:
        for _ in range(TIMES):
            at = f"{point}:{chance.randint(1, 12)}"
            await dies(scene.scorer(KENKO_CRASH_AT=at, KENKO_GROUP_INSTANCE_ID="one"))
    scene.scorer(KENKO_GROUP_INSTANCE_ID="one")
    recovery = await scene.catches_up()
    crashes = len(SCORER) * TIMES
    await scene.finish(
        "F2 the scorer crashes at a point",
        injected=crashes,
        hit=crashes,  # a point is reached only where there is something to lose
        recovery_s=recovery,
        note=f"{', '.join(SCORER)}: {TIMES} times each",
    )


async def test_f2_the_alerter_crashes_at_each_point(scene, chance):
    scorer = scene.scorer()
    await scene.until(scorer.ready, "scorer ready")
    scene.load.start(rate=50)
    for point in ALERTER:
        for _ in range(TIMES):
            await dies(scene.alerter(KENKO_CRASH_AT=f"{point}:{chance.randint(1, 10)}"))
    scene.alerter()
    recovery = await scene.catches_up()
    crashes = len(ALERTER) * TIMES
    await scene.finish(
        "F2 the alerter crashes at a point",
        injected=crashes,
        hit=crashes,
        recovery_s=recovery,
        # Those that the same process was sending at that moment were between their 2xx and their record, too.
        may_double=crashes * UNDER_WAY,
        note=f"{', '.join(ALERTER)}: {TIMES} times each; at most {UNDER_WAY} messages under way each time",
    )
