"""A runner over in-memory twins: log, store and output; and the fold that it must agree with."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from kenko.dialects.cloudevents import (
    decode_record,
    encode_event,
    encode_forget,
    encode_override,
    encode_tick,
    encode_traits,
)
from kenko.dialects.own_records import encode_source_state
from kenko.dialects.record import InvalidRecord
from kenko.engine.partition import PartitionFold
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.clock import ManualClock
from kenko.store.keys import model_part
from kenko.store.memory_partition import MemoryPartition, MemoryPartitionStore
from kenko.store.port import Fence, PartitionCommit
from kenko.store.rebuild_memory import MemoryRebuildStore
from kenko.store.succession_memory import MemoryKeyspaces, MemorySuccession
from kenko.stream.cut_over import LiveSeat
from kenko.stream.forwarding import copy_of
from kenko.stream.memory_log import MemoryLog, MemoryRecord
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience, PatientOutput, PatientStore
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import MemoryOutput
from kenko.stream.runner import PartitionRunner
from kenko.stream.shadow import ShadowSeat
from kenko.stream.snapshots import SnapshotPlan, Snapshots
from kenko.stream.state_records import StateTopic
from kenko.stream.state_topic import MemoryStateSource
from kenko.stream.state_walk import WalkPlan
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.forget import FORGET_TYPE, Forget
from schemas.health import ScoreUpdate
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_700_000_000_000 - 1_700_000_000_000 % DAY

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use: {weight: 50, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 50, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 2d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
"""


@pytest.fixture(scope="session")
def model():
    return load_model(MODEL, name="small.yaml")


class CountingObserver(NullObserver):
    def __init__(self):
        self.refusals = self.gaps = self.holes = self.commits = 0
        self.counts = {}
        self.turned_away = {}
        self.rebuilds = []
        self.sets = []

    def not_applied(self, source, outcome, events):
        self.turned_away[source, outcome] = self.turned_away.get((source, outcome), 0) + events

    def committed(self, partition, counts, rows):  # noqa: ARG002 - the port's shape
        self.commits += 1
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def refused(self, partition):  # noqa: ARG002 - the port's shape
        self.refusals += 1

    def rebuilt(self, kind, rows):
        self.rebuilds.append((kind, rows))

    def snapshot_set(self, outcome):
        self.sets.append(outcome)

    def gap(self, partition):  # noqa: ARG002 - the port's shape
        self.gaps += 1

    def hole(self, partition, offsets):  # noqa: ARG002 - the port's shape
        self.holes += offsets


@dataclass
class Bench:
    """One partition with its twins. `runner()` starts a runner; `settle()` feeds it to the end of the log."""

    model: object
    log: MemoryLog = field(default_factory=MemoryLog)
    core: MemoryPartition = field(default_factory=MemoryPartition)
    output: MemoryOutput = field(default_factory=MemoryOutput)
    observer: CountingObserver = field(default_factory=CountingObserver)
    clock: ManualClock = field(default_factory=ManualClock)
    failures: list = field(default_factory=list)
    runners: list = field(default_factory=list)
    serial: int = 0
    keyspaces: MemoryKeyspaces | None = None
    """Where other models have keyspaces too; `core` is then this model's among them."""

    @property
    def name(self):
        """Of the model, in the keys."""
        return model_part(self.model.name, self.model.state_hash)

    def beside(self, model):
        """A bench of another model over the same log, outputs and keyspaces."""
        if self.keyspaces is None:
            self.keyspaces = MemoryKeyspaces({self.name: self.core})
        other = Bench(model, log=self.log, output=self.output, keyspaces=self.keyspaces, runners=self.runners)
        other.core, other.serial = self.keyspaces.of(other.name), 1_000_000
        return other

    def seat(self, plan, *, shadow=False, store=None, output=None, succession=None):
        """As what a runner of this bench sits at the partition."""
        patience = Patience(self.observer, sleep=lambda _: asyncio.sleep(0))
        succession = succession or MemorySuccession(self.keyspaces, self.name, page=2)
        scorer = Scorer(self.model)
        if shadow:
            return ShadowSeat(scorer, succession, patience)
        return LiveSeat(
            plan=plan,
            scorer=scorer,
            store=PatientStore(store or MemoryPartitionStore(self.core), patience),
            output=PatientOutput(output or self.output, patience),
            succession=succession,
            observer=self.observer,
            patience=patience,
        )

    aside: MemoryStateSource = None

    def __post_init__(self):
        self.aside = MemoryStateSource(self.output, "account-state", 0)

    def event(self, account="acme", *, at_ms, event_id=None, properties=None, source="api"):
        self.serial += 1
        record = encode_event(
            UsageEvent(
                id=event_id or f"e{self.serial}",
                source=source,
                account_id=account,
                event="Report Exported",
                time=from_ms(at_ms),
                properties=properties or {},
            )
        )
        return self.log.append(record.key, record.value, record.headers, timestamp=at_ms)

    def tick(self, at_ms):
        self.serial += 1
        record = encode_tick(at_ms, source="kenko/scorer", id=f"t{self.serial}")
        return self.log.append(record.key, record.value, record.headers, timestamp=at_ms)

    def traits(self, account="acme", *, at_ms, **traits):
        self.serial += 1
        record = AccountTraits(id=f"a{self.serial}", account_id=account, time=from_ms(at_ms), traits=traits)
        return self.log.append(*encode_traits(record), timestamp=at_ms)

    def override(self, account="acme", *, at_ms, score, until_ms=None):
        self.serial += 1
        record = Override(
            id=f"o{self.serial}",
            account_id=account,
            time=from_ms(at_ms),
            score=score,
            until=None if until_ms is None else from_ms(until_ms),
            reason="Merger announced.",
            author="sato@example.com",
        )
        return self.log.append(*encode_override(record), timestamp=at_ms)

    def forget(self, account="acme", *, at_ms):
        self.serial += 1
        record = Forget(id=f"f{self.serial}", account_id=account, time=from_ms(at_ms), author="sato@example.com")
        return self.log.append(*encode_forget(record), timestamp=at_ms)

    def source_state(self, source, *, at_ms, since_ms):
        """Source None: all together. Since None: it is back."""
        self.serial += 1
        state = SourceState(source=source, silent_since=None if since_ms is None else from_ms(since_ms))
        record = encode_source_state(state, time=from_ms(at_ms), source="kenko/scorer", id=f"s{self.serial}")
        return self.log.append(*record, timestamp=at_ms)

    def poison(self, value=b"\xff", key=b"acme", headers=(), *, at_ms=START):
        return self.log.append(key, value, headers, timestamp=at_ms)

    def story(self, days=12, accounts=("acme", "globex", "initech")):
        """Each account is used daily, stops on a day of its own, and goes red by time alone."""
        for day in range(days):
            for number, account in enumerate(accounts):
                if day < 4 + number:
                    self.event(account, at_ms=START + day * DAY + number * HOUR)
            for hour in (1, 9, 17):
                self.tick(START + day * DAY + hour * HOUR)

    def snapshots(self, *, output=None, accounts=None, store=None, every_ms=0, **walk):
        """What keeps rows aside for a runner: a new set as soon as one is whole, a row at a time."""
        plan = SnapshotPlan(every_ms=every_ms, again_ms=0, walk=WalkPlan(**{"piece": 1, "pause_s": 0.0, **walk}))
        return Snapshots(
            plan=plan,
            topic=StateTopic("account-state", "small-12345678", 0),
            scorer=Scorer(self.model),
            store=store or MemoryPartitionStore(self.core),
            accounts=accounts or MemoryRebuildStore(self.core),
            output=output or self.output,
            source=self.aside,
            observer=self.observer,
            clock=self.clock,
            patience=self.patience(),
            background=self.patience(),
        )

    def patience(self):
        return Patience(self.observer, sleep=lambda _: asyncio.sleep(0))

    def runner(self, *, store=None, output=None, snapshots=None, shadow=False, succession=None, **plan):
        plan = RunnerPlan(
            topic=self.log.topic,
            transitions_topic="transitions",
            scores_topic="scores",
            dead_letters_topic="dead-letters",
            **{"partition": 0, "partitions": 1, "log_id": "test-log", **plan},
        )
        seat = None
        if self.keyspaces is not None:
            seat = self.seat(plan, shadow=shadow, store=store, output=output, succession=succession)
        runner = PartitionRunner(
            plan=plan,
            seat=seat,
            scorer=Scorer(self.model),
            store=store or MemoryPartitionStore(self.core),
            output=output or self.output,
            log=self.log,
            observer=self.observer,
            clock=self.clock,
            patience=self.patience(),
            failed=lambda _, error: self.failures.append(error),
            snapshots=snapshots,
        )
        runner.start()
        self.runners.append(runner)
        return runner

    async def until(self, runner, reached):
        """Feed the runner until `reached()`; a failure of the runner ends it too."""
        async with asyncio.timeout(20):
            while not reached() and not self.failures:
                if (batch := self.log.fetch(self.fetch_limit)) is not None:
                    runner.deliver(batch, lambda: None)
                await asyncio.sleep(0)

    fetch_limit: int = 7

    async def settle(self, runner):
        await self.until(runner, lambda: runner.next_offset == self.log.end)

    async def run_to_end(self, **plan):
        """A whole life of a runner: from the fence to the end of the log."""
        runner = self.runner(**plan)
        await self.settle(runner)
        await runner.stop(5)
        return runner

    def transitions(self):
        sent = [r for r in self.output.sent if r.topic == "transitions" and r.key is not None and not is_forget(r)]
        return [Transition.model_validate_json(r.value) for r in sent]

    def forgets(self):
        """Accounts that the alerter is told to forget, in their order."""
        return [Forget.model_validate_json(r.value).account_id for r in self.output.sent if is_forget(r)]

    def score_records(self):
        return [r for r in self.output.sent if r.topic == "scores"]

    def scores(self):
        return [ScoreUpdate.model_validate_json(r.value) for r in self.score_records() if r.value is not None]

    def state(self):
        """Every row as the store holds it, and the fence."""
        fence = self.core.fence()
        accounts = {r.key.decode() for r in self.log.records if r.key and not r.value.startswith(b"\xff")}
        return (
            fence.offset,
            dict(fence.counts),
            dict(fence.silent),
            {a: r.state for a, r in self.core.rows(sorted(accounts)).items() if r},
        )


def is_forget(record):
    return record.topic == "transitions" and ("ce_type", FORGET_TYPE.encode()) in record.headers


def fold_offline(model, log):
    """The reference: one fold over the whole log, committed once at the end. -> (store core, transitions, scores)."""
    core = MemoryPartition()
    fold = PartitionFold(Scorer(model), partition=log.partition)
    transitions, scores = [], []
    for record in log.records:
        try:
            content = decode_record(record.key, record.value, record.headers, record.timestamp)
        except InvalidRecord as refusal:
            fold.counts[f"dead_lettered.{refusal.reason}"] += 1
            continue
        if isinstance(content, Tick):
            if fold.tick(record.offset, int(content.time.timestamp() * 1000), record.timestamp):
                due = fold.select_due([])
                transitions += fold.evaluate(due, record.offset)
                scores += fold.take_scores()
        elif isinstance(content, SourceState):
            fold.hear_of_source(content)
        elif isinstance(content, Forget):
            fold.adopt(dict.fromkeys(fold.missing([content.account_id])))
            fold.forget(content)
        else:
            fold.adopt(dict.fromkeys(fold.missing([content.account_id])))
            (fold.apply if isinstance(content, UsageEvent) else fold.amend)(record.offset, content)
    fence = Fence(offset=log.end, log_id="test-log", now_ms=fold.now_ms, counts=dict(fold.counts), silent=fold.silent)
    core.commit(PartitionCommit(expected=None, fence=fence, rows=fold.drain(), erased=fold.drain_erased()))
    return core, transitions, scores


def agrees(bench):
    """What the store holds and what was sent is what one fold over the log makes of it."""
    core, transitions, scores = fold_offline(bench.model, bench.log)
    reference = Bench(bench.model, log=bench.log, core=core)
    assert bench.state() == reference.state()
    sent = bench.transitions()
    unique = {t.id: t for t in sent}
    assert list(unique) == [t.id for t in transitions]
    assert list(unique.values()) == transitions
    assert list({(s.account_id, s.offset): s for s in bench.scores()}.values()) == scores
    return sent, transitions


def a_record(account="acme", *, partition, offset=5, at_ms=START, time_ms=None, headers=()):
    """A usage event as it was read from a partition, the right one or not."""
    event = UsageEvent(id="e", source="api", account_id=account, event="X", time=from_ms(time_ms or at_ms))
    record = encode_event(event)
    topic = "kenko.usage-events.v1"
    return MemoryRecord(topic, partition, offset, at_ms, record.key, record.value, (*record.headers, *headers))


def copied(record, *, to, at=0, log="test-log", **changes):
    """The copy of `record` as it stands in partition `to`, with some of our headers changed."""
    out = copy_of(record, record.topic, log, to=to)
    headers = [(name, changes.get(name.removeprefix("kenko.forwarded."), value)) for name, value in out.headers]
    return MemoryRecord(record.topic, to, at, out.timestamp_ms, out.key, out.value, headers)


@pytest.fixture
def copies():
    """Records on the wrong partition, and copies of them."""
    return SimpleNamespace(a_record=a_record, copied=copied)


@pytest.fixture
async def bench(model):
    bench = Bench(model)
    yield bench
    for runner in bench.runners:
        await runner.stop(0)


@pytest.fixture
def story():
    """Times and the reference fold, for tests of a runner."""
    return SimpleNamespace(start=START, hour=HOUR, day=DAY, fold_offline=fold_offline, agrees=agrees)


@pytest.fixture
def another_bench(model):
    """Makes benches; for comparing two ways through the same log."""
    return lambda **parts: Bench(model, **parts)
