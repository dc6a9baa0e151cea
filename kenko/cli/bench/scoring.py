"""The scorer over a log that is there already: how long, from its fences to the log's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from kenko.cli.bench.cpu import cpu_seconds
from kenko.cli.service_process import ServiceDiedError, ServiceProcess
from kenko.runtime.clock import SystemClock
from kenko.store.reader import StateReader

POLL_S: Final = 0.05
READY_POLL_S: Final = 0.01
READY_LIMIT_S: Final = 90.0
STALLED_S: Final = 60.0


class Scored(NamedTuple):
    """What scoring took, its last commit included."""

    seconds: float
    cpu_seconds: float


async def score_all(
    environ: Mapping[str, str],
    log: Path,
    state: StateReader,
    ends: Mapping[int, int],
    report: Callable[[float], None],
) -> Scored:
    """Start a scorer, let it score the log to `ends`, end it. Nothing of it is left out as warm-up.

    It counts from when the scorer stands at its fences, which is when the records begin to come.

    Raises:
        ServiceDiedError: it ended, or makes no progress.
    """
    clock = SystemClock()
    service = ServiceProcess("scorer", environ=environ, log=log)
    service.start()
    try:
        limit_s = clock.monotonic() + READY_LIMIT_S
        while not service.ready():
            if clock.monotonic() > limit_s:
                raise _stuck(service, f"not ready within {READY_LIMIT_S:.0f} s")
            await asyncio.sleep(READY_POLL_S)
        started = moved_s = clock.monotonic()
        cpu_started = cpu_seconds(service)
        total, most = sum(ends.values()), 0
        while most < total:
            await asyncio.sleep(POLL_S)
            service.check()
            fences = await state.fences()
            applied = sum(0 if fence is None else fence.offset for fence in fences.values())
            now_s = clock.monotonic()
            if applied > most:
                most, moved_s = applied, now_s
                report(applied / total)
            elif now_s - moved_s > STALLED_S:
                raise _stuck(service, f"no progress in {STALLED_S:.0f} s, {total - most:,} records are left")
        return Scored(clock.monotonic() - started, cpu_seconds(service) - cpu_started)
    finally:
        service.ask_to_stop()
        service.wait_stopped()


def _stuck(service: ServiceProcess, what: str) -> ServiceDiedError:
    return ServiceDiedError(f"the scorer: {what}. {service.log} ends:\n{service.log_end()}")
