"""Does the scorer keep up, on this log, with this model? Pure. What it has applied stands in the fences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kenko.cli.doctor.facts import GroupFacts, KafkaFacts, LogFacts, PublishedFacts, SetUp, StateFacts
from kenko.cli.doctor.finding import Finding, fail, ok, some, warn
from kenko.model import HealthModel
from kenko.store.port import Fence
from kenko.stream.topics import Cluster, log_id
from schemas.topics import Topic

MUCH_LAG: Final = 10_000
"""Records; some seconds' work."""
LATE_TICK_MS: Final = 150_000
"""A tick comes at least once a minute."""
NO_TICK_MS: Final = 600_000
_START: Final = "Start the scorer (python -m services.scorer), and see in its log why it is not ready."


def members(group: GroupFacts) -> Finding:
    if group.members == 0:
        return warn(f"No scorer runs: nobody is in the consumer group {group.name}.", _START)
    return ok(
        f"{group.members} {'scorer is' if group.members == 1 else 'scorers are'} in the consumer group {group.name}."
    )


def identity(state: StateFacts, kafka: KafkaFacts, log: LogFacts, set_up: SetUp) -> Finding:
    """The fences count offsets of this very log, and it still holds what they have not applied."""
    ours = log_id(Cluster(kafka.cluster_id, {}), set_up.topic_prefix + Topic.USAGE_EVENTS.value, set_up.partitions)
    fences = _there(state)
    other = sorted({fence.log_id for fence in fences.values() if fence.log_id != ours})
    if other:
        return fail(
            f"The state in Redis was made from {some(other)}, and this broker's log is {ours}.",
            "Set KENKO_KAFKA_URL or KENKO_REDIS_URL to the right one; to begin anew with this log, kenko state drop"
            f" --partitions {set_up.partitions} --yes. The scorer refuses to start until then.",
        )
    beyond = [p for p, fence in fences.items() if p in log.bounds and fence.offset > log.bounds[p].end]
    if beyond:
        return fail(
            f"The log is shorter than what was applied (partitions {_numbers(beyond)}): it was made anew or cut.",
            f"Restore the topic, or begin anew with this log: kenko state drop --partitions {set_up.partitions} --yes.",
        )
    gone = [p for p, fence in fences.items() if p in log.bounds and fence.offset < log.bounds[p].start]
    if gone:
        lost = sum(log.bounds[p].start - fences[p].offset for p in gone)
        return fail(
            f"Kafka has deleted {lost} offsets that were not applied yet (partitions {_numbers(gone)}).",
            "The scorer goes on from what is left, and counts the loss. Raise retention.ms above the longest outage.",
        )
    return ok("The state in Redis was made from this log." if fences else "There is no state in Redis yet.")


def lag(state: StateFacts, log: LogFacts, group: GroupFacts) -> Finding:
    behind = {p: bounds.end - _applied(state, p, bounds.start) for p, bounds in log.bounds.items()}
    total = sum(max(0, n) for n in behind.values())
    committed = sum(max(0, bounds.end - group.committed.get(p, bounds.start)) for p, bounds in log.bounds.items())
    says = f"{total} records are not applied yet ({committed} by the offsets of the group {group.name}, which follow)."
    if total <= MUCH_LAG:
        return ok(says)
    worst = sorted((p for p in behind if behind[p] > 0), key=lambda p: -behind[p])
    return warn(
        f"{says} Most on partitions {_numbers(worst)}.",
        "Wait if it falls (a replay, a new model). If it does not: more scorers, at most half as many as partitions; see"
        " kenko_scorer_waits_total for whom it waits for.",
    )


def ticks(state: StateFacts, group: GroupFacts, set_up: SetUp, now_ms: int) -> Finding:
    """Time stands still in a partition without ticks: nobody goes red there."""
    if set_up.time == "log":
        return ok("KENKO_TIME is log: only a replay moves the time.")
    last = {p: fence.now_ms for p, fence in _there(state).items() if fence.now_ms is not None}
    without = [p for p in range(set_up.partitions) if p not in last]
    mend = _START if group.members == 0 else "See in the scorer's log, and kenko_scorer_ticks_total, why no tick comes."
    if not last:
        return warn("No tick was ever applied: no account has a score.", mend)
    oldest = min(last, key=lambda p: last[p])
    age_ms = now_ms - last[oldest]
    late = [p for p, tick_ms in last.items() if now_ms - tick_ms > LATE_TICK_MS]
    if late:
        judge = fail if age_ms > NO_TICK_MS else warn
        return judge(
            f"Time stands still on partitions {_numbers(late)}: the last tick is {age_ms // 1000:,} s old.",
            mend,
        )
    if without:
        return warn(f"No tick was ever applied on partitions {_numbers(without)}.", mend)
    return ok(f"The last tick of every partition is at most {max(0, age_ms) // 1000:,} s old.")


def state_model(state: StateFacts) -> Finding:
    """The store holds the state of this very model (its state hash)."""
    if _there(state):
        return ok(f"Redis holds the state of {state.name}.")
    if state.others:
        return fail(
            f"Redis holds no state of {state.name}, but of {some(list(state.others))}.",
            "Set KENKO_MODEL (and KENKO_PARTITIONS) to what the scorer runs with; or start it with this model, and it"
            " rebuilds the state from the log.",
        )
    return warn(f"Redis holds no state of {state.name}, nor of any other model.", _START)


def live_model(state: StateFacts) -> Finding:
    """The partitions tell what this model says. One that is not cut over yet still shows what another one told last."""
    left = {partition: name for partition, name in state.live.items() if name != state.name}
    if not left:
        return ok(
            f"{state.name} is live on {some([str(p) for p in state.live])}." if state.live else "No model is live yet."
        )
    built = [p for p in left if state.fences.get(p) is not None]
    return warn(
        f"Partitions {_numbers(list(left))} are not cut over yet: {some(sorted(set(left.values())))} is live there"
        f" ({state.name} is being built on {len(built)} of them).",
        "Wait while a scorer with this model builds its state from the log: kenko_scorer_building_offsets falls to 0. If"
        " this model is only a shadow, all is well. Else set KENKO_MODEL to the one the scorers run with.",
    )


def score_model(published: PublishedFacts, model: HealthModel) -> Finding:
    """The scores that are published were made by this very model (its score hash)."""
    if published.score_hash is None:
        return ok("No score was published yet.")
    if published.score_hash != model.score_hash:
        return warn(
            f"The newest published score was made by {published.model} with score hash {published.score_hash[:8]}, and this"
            f" file's is {model.score_hash[:8]}.",
            "Start the scorer again with this file, or set KENKO_MODEL to the one it runs; kenko model diff shows what"
            " changed. After a change the first score that moves tells.",
        )
    return ok(f"The newest published score was made by this model, score hash {model.score_hash[:8]}.")


def _there(state: StateFacts) -> Mapping[int, Fence]:
    return {partition: fence for partition, fence in state.fences.items() if fence is not None}


def _applied(state: StateFacts, partition: int, start: int) -> int:
    """The next offset to apply; the log's start where nothing was."""
    fence = state.fences.get(partition)
    return start if fence is None else max(fence.offset, start)


def _numbers(partitions: list[int]) -> str:
    return some([str(partition) for partition in partitions])
