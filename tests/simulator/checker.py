"""The checker: reads the logs, the stores and the receivers' own record, and says what is wrong. Empty: nothing."""

from __future__ import annotations

from collections import Counter, defaultdict

from kenko.stream.decode import decode
from schemas.alert import Notice
from schemas.dead_letter import DeadLetter
from schemas.forget import FORGET_TYPE
from schemas.forwarded import Forwarded
from schemas.health import ScoreUpdate
from schemas.transition import Transition
from services.alerter.dispatcher import LEASE_MS
from tests.simulator.clocks import START_MS
from tests.simulator.faults import Faults
from tests.simulator.receiver import Answer, SimulatedReceiver, Try
from tests.simulator.redis import at_once
from tests.simulator.reference import Episode, Folded, episodes, fold_log
from tests.simulator.world import DEAD, LOG_ID, SCORES, TOPIC, TRANSITIONS, World

_ACCOUNT_OUTCOMES = ("applied", "duplicate", "too_late", "already", "forgotten", "forwarded", "forwarded_duplicate")
_FAR_MS = 2**52
LEASE_S = LEASE_MS / 1000


class Checker:
    """Of one world at rest."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self.wrong: list[str] = []
        self.folded: list[Folded] = []
        for log, core in zip(world.broker.logs(TOPIC), world.redis.partitions, strict=True):
            fence = core.fence()
            end = 0 if fence is None else fence.offset
            shape = world.shape
            self.folded.append(fold_log(log, end=end, partitions=shape.partitions, due_budget=shape.due_budget))
        self.forgotten = {account for folded in self.folded for account in folded.forgotten}

    def check(self) -> list[str]:
        """All that is wrong."""
        self.wrong += self._world.failures
        self.wrong += [f"left over by the loop: {error}" for error in self._world.loop.errors]
        self._accepted_is_durable()
        self.states()
        for partition, folded in enumerate(self.folded):
            self._conserved(partition, folded)
            self._transitions(partition, folded)
            self._scores(partition, folded)
            self._dead_letters(partition, folded)
            self._copies(partition, folded)
        self._alerts()
        for receiver in self._world.receivers:
            self._repeats(receiver)
            self._order(receiver)
        return self.wrong

    def states(self) -> None:
        """I3: rows, due index, scores and silent sources are those of the fold."""
        for partition, (folded, core) in enumerate(zip(self.folded, self._world.redis.partitions, strict=True)):
            reference, fence = folded.core, core.fence()
            rows = {id_: row.state for id_, row in core.rows(folded.accounts).items() if row is not None}
            expected = {id_: row.state for id_, row in reference.rows(folded.accounts).items() if row is not None}
            for id_ in folded.accounts:
                if rows.get(id_) != expected.get(id_):
                    self.wrong.append(f"I3: partition {partition}: the row of {id_} is not that of the fold")
            self._same(f"I3: partition {partition}: due index", core.due(_FAR_MS, 999), reference.due(_FAR_MS, 999))
            self._same(f"I3: partition {partition}: scores", core.scores, reference.scores)
            self._same(f"I3: partition {partition}: forgotten", core.forgotten(), reference.forgotten())
            if fence is not None and reference.fence() is not None:
                self._same(f"I3: partition {partition}: silent sources", fence.silent, reference.fence().silent)
                self._same(f"I3: partition {partition}: time", fence.now_ms, reference.fence().now_ms)

    def _same(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.wrong.append(f"{what}: found {found}, expected {expected}")

    def _accepted_is_durable(self) -> None:
        """I1: what a client had acknowledged stands in the log."""
        stored = {
            (record.partition, record.key, record.value, record.headers)
            for log in self._world.broker.logs(TOPIC)
            for record in log.records
        }
        for line in self._world.accepted:
            record = line.record
            if (record.partition, record.key, record.value, tuple(record.headers)) not in stored:
                self.wrong.append(f"I1: accepted and not in the log: {line.written}")

    def _conserved(self, partition: int, folded: Folded) -> None:
        """I2: each record of an account has one outcome."""
        fence = self._world.redis.partitions[partition].fence()
        counts = Counter({} if fence is None else fence.counts)
        if not counts["already"]:  # no commit was interrupted and then made by another
            found = {name: number for name, number in counts.items() if number}
            self._same(
                f"I2: partition {partition}", found, {n: number for n, number in folded.counts.items() if number}
            )
        dead = sum(number for name, number in counts.items() if name.startswith("dead_lettered."))
        expected = sum(number for name, number in folded.counts.items() if name.startswith("dead_lettered."))
        self._same(f"I2: partition {partition}: dead letters", dead, expected)
        total = sum(counts[name] for name in _ACCOUNT_OUTCOMES)
        self._same(f"I2: partition {partition}: records", total, sum(folded.counts[n] for n in _ACCOUNT_OUTCOMES))

    def _transitions(self, partition: int, folded: Folded) -> None:
        """Each transition of the fold was told, with the same content each time, and no other."""
        told: dict[str, Transition] = {}
        for record in self._world.broker.logs(TRANSITIONS)[partition].records:
            if ("ce_type", FORGET_TYPE.encode()) in record.headers:
                continue
            transition = Transition.model_validate_json(record.value)
            if told.setdefault(transition.id, transition) != transition:
                self.wrong.append(f"transition {transition.id} was told twice, and not the same")
        expected = {transition.id: transition for transition in folded.transitions}
        for id_ in expected.keys() - told.keys():
            self.wrong.append(f"partition {partition}: not told: {_short(expected[id_])}")
        for id_ in told.keys() - expected.keys():
            self.wrong.append(f"partition {partition}: told, and never happened: {_short(told[id_])}")
        for id_ in expected.keys() & told.keys():
            if expected[id_] != told[id_]:
                self.wrong.append(f"partition {partition}: told otherwise than it was: {_short(expected[id_])}")

    def _scores(self, partition: int, folded: Folded) -> None:
        told = {}
        for record in self._world.broker.logs(SCORES)[partition].records:
            if record.value is not None:
                update = ScoreUpdate.model_validate_json(record.value)
                told[update.account_id, update.offset] = update
        expected = {(update.account_id, update.offset): update for update in folded.scores}
        if told != expected:
            self.wrong.append(f"partition {partition}: scores published: {len(told)}, expected {len(expected)}")

    def _dead_letters(self, partition: int, folded: Folded) -> None:
        """Every record given up is a dead letter with its place; nothing else is."""
        letters = [record for log in self._world.broker.logs(DEAD) for record in log.records]
        places = {DeadLetter.from_headers(letter.headers) for letter in letters}
        found = {letter.offset for letter in places if letter.topic == TOPIC and letter.partition == partition}
        self._same(f"partition {partition}: dead letters at", sorted(found), sorted(folded.dead))
        strange = [letter for letter in places if letter.topic != TOPIC]
        if strange:
            self.wrong.append(f"the alerter gave up {len(strange)} records")

    def _copies(self, partition: int, folded: Folded) -> None:
        """Every record on the wrong partition has a copy on the right one."""
        copied = set()
        for log in self._world.broker.logs(TOPIC):
            if log.partition != partition:
                items = decode(log.records, 0, log_id=LOG_ID, partitions=self._world.shape.partitions)
                origins: list[Forwarded] = [item.origin for item in items if item.origin is not None]
                copied |= {origin.offset for origin in origins if origin.partition == partition}
        self._same(f"partition {partition}: copies of", sorted(copied), sorted(folded.forwarded))

    def _alerts(self) -> None:
        """I4 and I5: every episode has one alert, told to everybody or kept back with the right reason; no other has one."""
        expected = {e.alert_id: e for folded in self.folded for e in episodes(folded.transitions)}
        lost = self._faults.flushed_s is not None  # with what was open, waited, or was too soon: then only ids count
        known = {alert.id: alert for store in self._world.redis.alerts for alert in at_once(store.alerts())}
        for receiver in self._world.receivers:
            tries: dict[tuple[str, Notice], list[Try]] = defaultdict(list)
            for one in receiver.tries:
                tries[one.message.data.id, one.message.type].append(one)
                if one.message.data.id not in expected:
                    self.wrong.append(f"I5: {receiver.name} was told of an alert that never was")
            for episode in expected.values():
                if episode.account_id not in self.forgotten and not lost:
                    self._told(receiver, episode, tries)
        for episode in expected.values():
            alert = known.get(episode.alert_id)
            if episode.account_id in self.forgotten:
                if alert is not None and not lost:
                    self.wrong.append(f"an alert of {episode.account_id} is left, which is forgotten")
            elif alert is None and not (lost and episode.opened_ms <= START_MS + self._faults.flushed_s * 1000):
                self.wrong.append(f"I4: no alert for {_named(episode)}")

    def _told(self, receiver: SimulatedReceiver, episode: Episode, tries: dict[tuple[str, Notice], list[Try]]) -> None:
        firing = tries[episode.alert_id, Notice.FIRING]
        resolved = tries[episode.alert_id, Notice.RESOLVED]
        if not episode.told:
            if firing or resolved:
                self.wrong.append(f"{receiver.name} was told of {_named(episode)}, which came too soon")
            return
        if receiver.is_gone:
            return
        if not any(one.taken for one in firing):
            self.wrong.append(f"I4: {receiver.name} was never told of {_named(episode)}: {[t.answer for t in firing]}")
        if episode.is_over and not any(one.taken for one in resolved):
            self.wrong.append(f"I4: {receiver.name} was never told of the end of {_named(episode)}")

    def _repeats(self, receiver: SimulatedReceiver) -> None:
        """I5: the same id again only where its sender cannot have known, or a crash took the record of it."""
        answered: dict[str, Try] = {}
        for one in receiver.tries:
            before = answered.get(one.message_id)
            if before is not None and not self._is_excused(before, one):
                self.wrong.append(
                    f"I5: {receiver.name} was told {one.message_id} again, {one.at_s - before.at_s:.1f} s later"
                )
            if one.answer is Answer.OK:
                answered[one.message_id] = one

    def _is_excused(self, before: Try, one: Try) -> bool:
        if any(before.at_s - LEASE_S <= at <= one.at_s for at in self._faults.excuses):
            return True
        # Its partition has a new owner, and the old one could not write its record for as long as the lease ran.
        handed_over = self._world.alerter_setup.group.rebalanced_s
        return before.sender is not one.sender and any(before.at_s - LEASE_S <= at <= one.at_s for at in handed_over)

    def _order(self, receiver: SimulatedReceiver) -> None:
        """I6: nobody is told of an end who was not told of the beginning before."""
        told: set[str] = set()
        for one in receiver.tries:
            if one.message.type is Notice.FIRING and one.taken:
                told.add(one.message.data.id)
            elif one.message.type is Notice.RESOLVED and one.message.data.id not in told:
                self.wrong.append(f"I6: {receiver.name} was told of an end before its beginning")


def _short(transition: Transition) -> str:
    return f"{transition.account_id} {transition.rule} {transition.from_zone} to {transition.to_zone} at {transition.offset}"


def _named(episode: Episode) -> str:
    return f"{episode.account_id} {episode.rule} ({episode.alert_id[:8]})"
