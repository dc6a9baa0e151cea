"""The receiver fails (F7): what was to be told is told, in order, and nobody else waits for it."""

from __future__ import annotations

import asyncio

import pytest
from harness.receiver import Answer

pytestmark = pytest.mark.timeout(900)

FIRST_ANSWERS = {
    "500": Answer(500),
    "a time-out": Answer(204, after_s=20.0),
    "429": Answer(429),
    "429 with Retry-After: 2": Answer(429, retry_after="2"),
    "429 with an absurd Retry-After": Answer(429, retry_after="in a while"),
}


async def test_f7_the_first_try_fails(scene, chance):
    """Of one message in ten; the second try comes five seconds later."""
    failed = []

    def answer(message_id, before):
        if before or chance.random() > 0.1:
            return Answer()
        failed.append(message_id)
        return list(FIRST_ANSWERS.values())[len(failed) % len(FIRST_ANSWERS)]

    scene.receiver.answer = answer
    scene.scorer()
    scene.alerter()
    await scene.all_ready()
    scene.load.start(rate=50)

    async def enough() -> bool:
        return len(failed) >= 15

    await scene.until(enough, "fifteen failed tries")
    scene.receiver.answer = lambda _id, _before: Answer()
    recovery = await scene.catches_up()
    await scene.finish(
        "F7 the first try fails",
        injected=len(failed),
        hit=len(failed),
        recovery_s=recovery,
        note=", ".join(FIRST_ANSWERS),
    )


async def test_f7_connections_are_refused(scene):
    """For three seconds, so that nobody's second try falls into it too: the third is five minutes later."""
    scene.scorer()
    alerter = scene.alerter()
    await scene.all_ready()
    scene.load.start(rate=50)
    await scene.moves_on()
    await scene.receiver.close()
    await asyncio.sleep(3)  # the length is the fault's
    await scene.receiver.open()

    async def noticed() -> bool:
        return await alerter.metric('kenko_alerter_deliveries_total{outcome="retry"') > 0

    await scene.until(noticed, "a refused try noticed")
    recovery = await scene.catches_up()
    refused = await alerter.metric('kenko_alerter_deliveries_total{outcome="retry"')
    await scene.finish("F7 connections refused for 3 s", injected=1, hit=int(refused), recovery_s=recovery)


async def test_f7_gone(scene):
    """410: the receiver is disabled, nothing more goes there, and what waits for it does not wait for ever."""
    scene.scorer()
    alerter = scene.alerter()
    await scene.all_ready()
    scene.load.start(rate=50)
    await scene.moves_on()
    scene.receiver.answer = lambda _id, _before: Answer(410)

    async def disabled() -> bool:
        return await alerter.metric('kenko_alerter_deliveries_total{outcome="disabled"') > 5

    await scene.until(disabled, "the receiver disabled")
    gone = [t for t in scene.receiver.tries if t.status == 410]
    answered = frozenset(scene.receiver.answered())
    scene.receiver.answer = lambda _id, _before: Answer()
    recovery = await scene.catches_up()
    log_expected = await scene.expected()
    await scene.finish(
        "F7 410 disables the receiver",
        injected=1,
        hit=len(gone),
        recovery_s=recovery,
        may_lack=frozenset(log_expected) - answered,
        note=f"{len(gone)} tries were under way",
    )
    assert len(gone) <= 8
    assert scene.receiver.answered().keys() == answered
