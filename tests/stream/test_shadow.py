"""A shadow follows the live model in silence, and what it has built is there when its model takes over."""

import asyncio
from collections import Counter
from copy import copy

import pytest
from msgspec.structs import replace
from prometheus_client.registry import CollectorRegistry

from kenko.engine.identity import account_digest
from kenko.model import load_model
from kenko.runtime.errors import ConfigurationError
from kenko.store.disagreement import ZONES, compare
from kenko.store.keys import shadow_part
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import Fence, PartitionCommit
from kenko.store.roles import Role
from kenko.store.succession_memory import MemoryKeyspaces, MemorySuccession
from kenko.stream.reader import PartitionReader
from schemas.transition import Cause
from services.scorer.metrics import ScorerMetrics
from services.scorer.shadow import ShadowWatch


@pytest.fixture
def other_model(bench):
    """Other signals, another state."""
    return load_model(
        """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 2}
signals:
  uses_14d: {match: {event: "*"}, aggregate: count, window: 14d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use: {weight: 90, inputs: [{signal: uses_14d, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 10, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 2d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 80, clear_above: 84, for: 1h}
""",
        name="other.yaml",
    )


@pytest.fixture
async def live(bench):
    bench.keyspaces = MemoryKeyspaces({bench.name: bench.core})
    bench.story()
    await bench.run_to_end()
    return bench


def beside(live, model):
    """A bench of the other model with a reader of its own, as another consumer group has."""
    other = live.beside(model)
    other.log = copy(live.log)
    other.log.position = other.log._follows = 0
    return other


async def followed(bench, **plan):
    """A shadow that has come to the end of the log and stopped."""
    runner = bench.runner(shadow=True, **plan)
    await bench.settle(runner)
    await runner.stop(5)
    return runner


async def test_it_builds_what_its_model_makes_of_the_log_and_tells_nobody(live, other_model, another_bench):
    sent = list(live.output.sent)
    shadow = beside(live, other_model)
    live.poison(b"\xff")
    shadow.log.records, shadow.log.end = live.log.records, live.log.end
    live.core.commit(PartitionCommit(live.log.end - 1, Fence(live.log.end, "test-log", live.core.fence().now_ms)))

    await followed(shadow)

    alone = another_bench(log=copy(shadow.log))
    alone.model = other_model
    alone.log.position = 0
    await alone.run_to_end()
    assert shadow.state() == alone.state()
    assert live.output.sent == sent
    assert shadow.core.role is Role.SHADOW
    assert live.keyspaces.live == live.name


async def test_it_never_overtakes_the_live_model(live, other_model):
    shadow = beside(live, other_model)
    middle = live.log.end // 2
    ahead = MemoryPartition()
    ahead.commit(PartitionCommit(None, Fence(middle, "test-log", 0)))
    live.keyspaces.partitions[live.name] = ahead
    runner = shadow.runner(shadow=True)

    asked = CountingSuccession(shadow)
    runner._seat._succession = asked
    await shadow.until(runner, lambda: asked.looks > 1)
    assert middle - shadow.fetch_limit <= runner.next_offset <= middle
    ahead.commit(PartitionCommit(middle, Fence(live.log.end, "test-log", 0)))
    await shadow.settle(runner)

    assert runner.next_offset == live.log.end


class CountingSuccession(MemorySuccession):
    """Knows how often the live fence was asked for where it stood."""

    def __init__(self, bench):
        super().__init__(bench.keyspaces, bench.name)
        self.looks, self._last = 0, None

    async def live_fence(self):
        fence = await super().live_fence()
        self.looks = self.looks + 1 if fence == self._last else 0
        self._last = fence
        return fence


async def test_a_cut_over_after_a_shadow_reads_nothing_again(live, other_model, another_bench):
    reference = another_bench(log=copy(live.log))
    reference.keyspaces = MemoryKeyspaces({reference.name: reference.core})
    reference.log.position = 0
    await reference.run_to_end()
    straight = beside(reference, other_model)
    runner = straight.runner()
    await straight.until(runner, lambda: straight.keyspaces.live == straight.name)
    await runner.stop(5)
    before = len(live.transitions())
    shadow = beside(live, other_model)
    await followed(shadow)
    shadow.log.seeks.clear()

    runner = shadow.runner()
    await shadow.until(runner, lambda: live.keyspaces.live == shadow.name)
    await runner.stop(5)

    assert set(shadow.log.seeks) == {live.log.end}, "no record is read again"
    assert shadow.state() == straight.state()
    told = live.transitions()[before:]
    assert told
    assert told == reference.transitions()[before:]
    assert {t.cause for t in told} == {Cause.CHANGED_MODEL}


async def test_a_shadow_still_running_when_its_model_takes_over_ends(live, other_model):
    shadow = beside(live, other_model)
    runner = shadow.runner(shadow=True)
    await shadow.settle(runner)
    sent = len(live.output.sent)
    successor = beside(live, other_model)
    taking = successor.runner()
    await successor.until(taking, lambda: live.keyspaces.live == successor.name)
    live.event(at_ms=1_700_100_000_000)
    shadow.log.end = successor.log.end = live.log.end
    await successor.settle(taking)
    await taking.stop(5)
    late = [r for r in live.output.sent[sent:] if r.topic == "transitions"]

    await shadow.until(runner, lambda: bool(shadow.failures))

    (error,) = shadow.failures
    assert isinstance(error, ConfigurationError)
    assert "KENKO_SHADOW" in str(error)
    assert [r for r in live.output.sent[sent:] if r.topic == "transitions"] == late


async def test_it_waits_for_a_live_model(bench, other_model):
    bench.keyspaces = MemoryKeyspaces({})
    bench.core = bench.keyspaces.of(bench.name)
    bench.story()
    shadow = beside(bench, other_model)
    runner = shadow.runner(shadow=True)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not runner.positioned.is_set()

    await bench.run_to_end()
    await shadow.settle(runner)

    assert runner.next_offset == bench.log.end


async def test_what_stands_on_the_wrong_partition_is_skipped(live, other_model, copies):
    stray = copies.a_record("globex", partition=0)
    live.log.append(stray.key, stray.value, stray.headers, timestamp=stray.timestamp)
    live.core.commit(PartitionCommit(live.log.end - 1, Fence(live.log.end, "test-log", live.core.fence().now_ms)))
    sent = list(live.output.sent)
    shadow = beside(live, other_model)

    await followed(shadow, partitions=12)

    assert live.output.sent == sent, "the live scorer forwards it"
    assert shadow.core.fence().counts["forwarded"] >= 1


async def test_a_model_with_other_weights_has_a_keyspace_beside_the_live_one(live, model):
    """Its state is the live one's, and so would be its keyspace: two would write into one."""
    reweighed = replace(model, version=2, base=replace(model.base, groups=model.base.groups[:1]))
    assert (reweighed.state_hash, reweighed.score_hash) != (model.state_hash, model.score_hash)
    assert reweighed.state_hash == model.state_hash
    shadow = beside(live, reweighed)
    name = shadow_part(reweighed.name, reweighed.state_hash, reweighed.score_hash, {live.name})
    shadow.core = live.keyspaces.of(name)
    before = live.core.fence(), dict(live.core.scores)

    await followed(shadow, succession=MemorySuccession(live.keyspaces, name))

    assert (live.core.fence(), dict(live.core.scores)) == before
    assert shadow.core.fence().offset == live.log.end
    assert shadow.core.scores.keys() == live.core.scores.keys()
    assert shadow.core.scores != live.core.scores


async def test_a_forget_in_the_log_reaches_it(live, other_model, story):
    live.forget("acme", at_ms=story.start + 13 * story.day)
    live.tick(story.start + 13 * story.day)
    await live.run_to_end()
    shadow = beside(live, other_model)

    await followed(shadow)

    assert shadow.core.rows(["acme"]) == {"acme": None}
    assert shadow.core.forgotten() == {account_digest("acme")}
    assert set(shadow.core.scores) == {"globex", "initech"}


async def test_disagreement_is_by_zone_and_names_both_scores(live, other_model):
    shadow = beside(live, other_model)
    await followed(shadow)

    succession = MemorySuccession(live.keyspaces, shadow.name, page=2)
    found = [account async for page in compare(succession, live.name, shadow.name) for account in page]

    assert [account.account_id for account in found] == ["acme", "globex", "initech"]
    rows = {name: keyspace.scores for name, keyspace in live.keyspaces.partitions.items()}
    for account in found:
        assert account.live.score == rows[live.name][account.account_id] / 100
        assert account.other.score == rows[shadow.name][account.account_id] / 100
        assert account.differs == (account.live.zone != account.other.zone)
    assert any(account.differs for account in found)


async def test_the_metric_counts_every_pair_of_zones(live, other_model):
    shadow = beside(live, other_model)
    reader = PartitionReader(
        live.log.topic, lambda _: shadow.runner(shadow=True), shadow.observer, position_limit_s=5.0
    )
    await reader.positions([0])
    ((_, runner),) = reader.owned()
    await shadow.settle(runner)
    await reader.drain(5)
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry)
    watch = ShadowWatch(
        reader=reader,
        succession=lambda _: MemorySuccession(live.keyspaces, shadow.name, page=2),
        clock=shadow.clock,
        found=metrics.shadowed,
    )

    tally = await watch.look()
    metrics.shadowed(tally)

    compared = compare(MemorySuccession(live.keyspaces, shadow.name), live.name, shadow.name)
    found = [account async for page in compared for account in page]
    assert tally == Counter((account.live.zone, account.other.zone) for account in found)
    shown = {
        (one, two): registry.get_sample_value("kenko_scorer_shadow_accounts", {"live": one, "shadow": two})
        for one in ZONES
        for two in ZONES
    }
    assert sum(shown.values()) == 3
    assert all(shown[pair] == tally.get(pair, 0) for pair in shown), "the others stand at 0"
