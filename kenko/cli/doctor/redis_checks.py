"""Is this Redis fit to hold the state? Pure. What the scorer looks at when it starts, and how much room there is."""

from __future__ import annotations

from typing import Final

from kenko.cli.doctor.facts import RedisFacts, Unknown
from kenko.cli.doctor.finding import Finding, Status, fail, ok, warn
from kenko.store.checks import Check, Server, Severity, judge

NEARLY_FULL: Final = 0.75
FULL: Final = 0.9
_MB: Final = 1024 * 1024


def redis_answers(redis: RedisFacts | Unknown) -> Finding:
    if isinstance(redis, Unknown):
        return fail(
            f"Redis does not answer: {redis.error}",
            "Start Redis, or set KENKO_REDIS_URL to where it is, with its password.",
        )
    return ok(f"Redis answers, {len(redis.servers)} {'server' if len(redis.servers) == 1 else 'servers'}.")


def version(redis: RedisFacts) -> Finding:
    found = sorted({str(server.info.get("redis_version")) for server in redis.servers})
    return _judged(redis, Check.VERSION) or ok(f"Its version is {' and '.join(found)}.")


def eviction(redis: RedisFacts) -> Finding:
    return _judged(redis, Check.EVICTION) or ok("When its memory is full it refuses writes, and drops nothing.")


def persistence(redis: RedisFacts) -> Finding:
    judged = _judged(redis, Check.PERSISTENCE)
    if judged is None and any(server.info.get("aof_last_write_status", "ok") != "ok" for server in redis.servers):
        return fail("The last write of the append-only file failed.", "See whether the disk of Redis is full.")
    return judged or ok("It keeps an append-only file, and the last write to it went well.")


def memory(redis: RedisFacts) -> Finding:
    """Of the server that has the least room left."""
    measured = [room for room in map(_room, redis.servers) if room is not None]
    if not measured:
        return warn("Redis does not tell how much memory it uses.", "Watch it by other means: full is back-pressure.")
    share, used, limit, is_set = max(measured)
    of = "its maxmemory" if is_set else "the machine's memory; maxmemory is not set"
    says = f"It uses {used / _MB:,.0f} MB, {share:.0%} of {limit / _MB:,.0f} MB ({of})."
    mend = (
        "Raise maxmemory, or take a larger server or a cluster: when it is full the scorer waits and scores grow old."
    )
    if share >= FULL:
        return fail(says, mend)
    return warn(says, mend) if share >= NEARLY_FULL else ok(says)


def _judged(redis: RedisFacts, check: Check) -> Finding | None:
    """The worst that the checks of the store find; None if nothing."""
    found = [f for server in redis.servers for f in judge(server.info, server.config) if f.check is check]
    if not found:
        return None
    worst = min(found, key=lambda finding: finding.severity is Severity.UNKNOWN)
    status = Status.WARN if worst.severity is Severity.UNKNOWN else Status.FAIL
    return Finding(status, f"{worst.what[0].upper()}{worst.what[1:]}: {worst.why}.", f"{worst.mend}.")


def _room(server: Server) -> tuple[float, int, int, bool] | None:
    """(share used, bytes used, bytes there are, whether that is set)."""
    used = server.info.get("used_memory")
    limit = server.info.get("maxmemory") or 0
    there_is = limit or server.info.get("total_system_memory") or 0
    if used is None or not there_is:
        return None
    return used / there_is, used, there_is, bool(limit)
