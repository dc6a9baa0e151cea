"""What must hold whatever the log, the order inside it, and the places where it is cut and broken off."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.engine import recent_ids
from kenko.engine.assessing import Recall
from kenko.engine.identity import event_digest
from kenko.engine.kept import Kept
from kenko.engine.scorer import Scorer
from kenko.engine.snapshots import period_start, reference
from kenko.store.memory_partition import Interruption
from schemas.account_traits import AccountTraits
from schemas.base import from_ms, to_ms
from schemas.forget import Forget
from schemas.health import Contribution, Zone
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.transition import Receipt
from schemas.usage_event import UsageEvent

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

NAMES = st.sampled_from(["Used", "Used", "Login", "NPS", "Ticket", "Signed", "Cancelled", "Renewed", "Account Updated"])
EVENTS = st.tuples(
    st.just("event"),
    NAMES,
    st.integers(-8 * DAY_MS, HOUR_MS),  # age against the newest tick, below 0: ahead
    st.sampled_from(["acme", "bolt", "crux"]),
    st.integers(0, 25),  # id: some come twice
    st.sampled_from([None, "ann", "bob"]),
    st.integers(0, 11),
)
RECORDS = st.one_of(
    st.tuples(
        st.just("traits"),
        st.integers(-8 * DAY_MS, HOUR_MS),
        st.sampled_from(["acme", "bolt"]),
        st.integers(100, 110),
        st.fixed_dictionaries(
            {},
            optional={
                "seats": st.sampled_from([None, 0, 3, 8, "many"]),
                "mrr": st.sampled_from([50, 500, 5000.5]),
                "region": st.sampled_from(["eu", "us"]),
                "lifecycle": st.sampled_from([None, "onboarding", "adoption"]),
                "renewal_date": st.sampled_from(["2024-10-04", "2024-10-06T12:00:00+02:00", "soon", None]),
            },
        ),
    ),
    st.tuples(
        st.just("override"),
        st.integers(-2 * DAY_MS, HOUR_MS),
        st.sampled_from(["acme", "bolt"]),
        st.integers(120, 125),
        st.sampled_from([None, 0, 20.5, 90]),
        st.sampled_from([None, HOUR_MS, 2 * DAY_MS]),
    ),
    st.tuples(st.just("source"), st.sampled_from([None, "crm"]), st.sampled_from([None, 0, DAY_MS])),
)
TICKS = st.tuples(st.just("tick"), st.sampled_from([0, 500, HOUR_MS, 7 * HOUR_MS, 25 * HOUR_MS, 3 * DAY_MS]))
LOGS = st.lists(st.one_of(EVENTS, EVENTS, EVENTS, TICKS, TICKS, RECORDS), min_size=1, max_size=60)
FORGETS = st.tuples(st.just("forget"), st.sampled_from(["acme", "bolt"]))
FORGETTING = st.lists(st.one_of(*[EVENTS] * 6, *[TICKS] * 4, RECORDS, RECORDS, FORGETS), min_size=1, max_size=60)
"""Logs in which accounts are forgotten, and sometimes heard of again."""

BEGUN = (
    ("event", "Signed", -8 * DAY_MS, "acme", 2000, None, 5),
    ("traits", -7 * DAY_MS, "acme", 2001, {"seats": 3, "mrr": 500, "renewal_date": "2024-10-06"}),
    ("event", "Used", -HOUR_MS, "acme", 2002, "ann", 11),
    ("tick", 500),
)
STEADY = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"),
            st.sampled_from(["Used", "Login", "NPS", "Ticket"]),
            st.integers(-HOUR_MS, 0),
            st.just("acme"),
            st.integers(0, 1000),
            st.sampled_from([None, "ann", "bob", "cid"]),
            st.integers(0, 11),
        ),
        st.tuples(st.just("tick"), st.sampled_from([500, HOUR_MS, 7 * HOUR_MS, 25 * HOUR_MS])),
    ),
    min_size=20,
    max_size=60,
).map(lambda drawn: [*BEGUN, *drawn])
"""An account that is only used, so that much is remembered of it; its traits are known, and its renewal is near."""


@pytest.fixture(scope="module", autouse=True)
def small_tails():
    """So that an account of a few events has chunks of ids too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_ids, "TAIL_BYTES", 40)
        yield


@pytest.fixture(scope="session")
def build(event, start):
    """A log from drawn records; it ends with a tick."""

    def build(drawn):
        log, now_ms = [], start
        for kind, *rest in drawn:
            if kind == "tick":
                now_ms += rest[0]
                log.append(now_ms)
            elif kind == "traits":
                age, account, number, traits = rest
                log.append(AccountTraits(id=str(number), account_id=account, time=from_ms(now_ms + age), traits=traits))
            elif kind == "override":
                age, account, number, score, lasts = rest
                time_ms = now_ms + age
                until = None if lasts is None else from_ms(time_ms + lasts)
                log.append(
                    Override(
                        id=str(number),
                        account_id=account,
                        time=from_ms(time_ms),
                        score=score,
                        until=until,
                        reason="because",
                        author="sato",
                    )
                )
            elif kind == "forget":
                log.append(Forget(id="f", account_id=rest[0], time=from_ms(now_ms), author="sato"))
            elif kind == "source":
                source, ago = rest
                log.append(SourceState(source=source, silent_since=None if ago is None else from_ms(now_ms - ago)))
            else:
                name, age, account, number, user, value = rest
                source = "crm" if value % 2 else "api"
                properties = {
                    "feature": value % 4,
                    "rows": value,
                    "minutes": value / 2,
                    "score": value,
                    "revenue": 300 * value,
                }
                made = event(
                    name, now_ms + age, id_=str(number), account=account, user=user, source=source, **properties
                )
                log.append(made.model_copy(update={"backfill": number % 7 == 0}))
        return [*log, now_ms + 1]

    return build


def is_record(record):
    """Something that is applied to one account."""
    return isinstance(record, UsageEvent | AccountTraits | Override)


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(st.one_of(LOGS, FORGETTING), st.sets(st.integers(1, 60)), st.sampled_from([1, 2, 1000]))
def test_cut_anywhere_the_log_gives_the_same(world, build, any_model, drawn, cuts, due_budget):
    log = build(drawn)
    whole = world(any_model, due_budget).run(log)
    pieces = world(any_model, due_budget).run(log, cuts=[cuts])
    assert pieces.rows() == whole.rows()
    assert pieces.transitions == whole.transitions
    assert pieces.store.fence() == whole.store.fence()
    assert pieces.due() == whole.due()
    assert pieces.store.scores == whole.store.scores
    assert pieces.store.forgotten() == whole.store.forgotten()


@settings(max_examples=max(200, settings.default.max_examples), deadline=None)
@given(
    st.one_of(LOGS, FORGETTING),
    st.lists(st.sets(st.integers(1, 60)), min_size=1, max_size=4),
    st.lists(st.sampled_from([None, *Interruption]), min_size=1, max_size=12),
)
def test_broken_off_anywhere_the_log_gives_the_same(world, build, any_model, drawn, cuts, interruptions):
    log = build(drawn)
    whole = world(any_model).run(log)
    broken = world(any_model).run(log, cuts=cuts, interruptions=interruptions)
    assert broken.rows() == whole.rows()
    assert broken.transitions == whole.transitions
    assert broken.due() == whole.due()
    assert broken.store.scores == whole.store.scores
    assert broken.store.forgotten() == whole.store.forgotten()


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(st.one_of(LOGS, FORGETTING))
def test_what_is_remembered_between_two_evaluations_changes_nothing(world, build, any_model, drawn):
    """One fold keeps its accounts at hand, with what it read of them; the other reads each from the store, every time."""
    log = build(drawn)
    remembers = world(any_model).run(log)
    forgets = world(any_model, most_rows=0).run(log, cuts=[range(len(log))])
    assert forgets.rows() == remembers.rows()
    assert forgets.transitions == remembers.transitions
    assert forgets.scores == remembers.scores


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(st.one_of(LOGS, STEADY, STEADY))
def test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time(build, any_model, drawn):
    """One scorer has scored every account so far and remembers this one; the other is new and reads it each time."""
    new = Scorer(any_model.model)
    kept, read, recalls, silent = {}, {}, {}, {}
    for number, record in enumerate(build(drawn)):
        if isinstance(record, SourceState):
            silent = {} if record.silent_since is None else {record.source or "": to_ms(record.silent_since)}
        elif is_record(record):
            account, digest = record.account_id, number.to_bytes(8, "big")
            mine = kept.setdefault(account, any_model.new(account))
            other = read.setdefault(account, new.new(account))
            recall = recalls.setdefault(account, Recall())
            if isinstance(record, UsageEvent):
                time_ms = to_ms(record.time)
                any_model.apply(mine, record, time_ms, digest, memo=recall)
                new.apply(other, record, time_ms, digest)
            else:
                recall.drop()
                any_model.amend(mine, record, digest)
                new.amend(other, record, digest)
        else:
            for account, mine in kept.items():
                other = read[account]
                mine.told = other.told = None  # so that there is something to tell each time there is a score
                found = any_model.evaluate(mine, record, silent, recalls[account])
                assert found == new.evaluate(other, record, silent)
                assert mine == other
                if found is not None:
                    receipt = any_model.receipt(mine, found, record)
                    assert receipt == new.receipt(other, found, record)
                    assert receipt == Receipt.model_validate(receipt.model_dump())
                    assert list(receipt.model_dump()) == list(Receipt.model_fields)
                    assert all(
                        list(line.model_dump()) == list(Contribution.model_fields) for line in receipt.contributions
                    )


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(LOGS)
def test_without_a_store_a_copy_serves_as_the_row_and_only_what_needs_an_id_has_it_hashed(build, any_model, drawn):
    """Steps are split against what an account was: against its row, or a copy that shares the cells not yet changed."""
    scorer = any_model
    stored, kept, recalls, now_ms = {}, {}, {}, 0
    for record in build(drawn):
        if isinstance(record, UsageEvent):
            account_id, time_ms = record.account_id, to_ms(record.time)
            recall = recalls.setdefault(account_id, Recall(kept=Kept()))
            with_row = stored.setdefault(account_id, scorer.new(account_id))
            with_copy = kept.setdefault(account_id, scorer.new(account_id))
            digest = event_digest(record.source, record.id)
            ignored = scorer.apply(with_row, record, time_ms, digest)
            assert scorer.apply(with_copy, record, time_ms, None, memo=recall) == ignored
        elif isinstance(record, int):
            now_ms = max(now_ms, record)
            for account_id, state in stored.items():
                was = recalls[account_id].kept.state
                assert (was is None) is (state.base is None)
                if was is not None:
                    row = scorer.decode(account_id, state.base)
                    assert scorer.health(was, now_ms) == scorer.health(row, now_ms)
                    assert scorer.values(was, now_ms) == scorer.values(row, now_ms)
                assert scorer.evaluate(kept[account_id], now_ms, memo=recalls[account_id]) == scorer.evaluate(
                    state, now_ms
                )
                assert scorer.encode(kept[account_id]) == scorer.encode(state)


def shuffled(data, log):
    """The same log with the events between two ticks in another order."""
    mixed, run = [], []
    for record in [*log, None]:
        if is_record(record):
            run.append(record)
        else:
            mixed += data.draw(st.permutations(run))
            run = []
            mixed += [] if record is None else [record]
    return mixed


def first_of_each_id(log):
    seen, kept = set(), []
    for record in log:
        if not is_record(record) or (record.account_id, record.id) not in seen:
            kept.append(record)
        if is_record(record):
            seen.add((record.account_id, record.id))
    return kept


def without_offsets(states):
    for state in states.values():
        state.offset = 0
    return states


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(LOGS, st.data())
def test_the_order_of_arrival_inside_a_tick_does_not_matter(world, build, any_model, drawn, data):
    log = first_of_each_id(build(drawn))  # of two events with one id the first counts, so there order does matter
    there, here = world(any_model).run(log), world(any_model).run(shuffled(data, log))
    assert here.states() == there.states()
    assert here.transitions == there.transitions


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(LOGS, st.data())
def test_a_repeat_changes_nothing(world, build, any_model, drawn, data):
    log = build([record for record in drawn if record[0] != "tick" or record[1] < DAY_MS / 10])
    repeated = []
    for record in log:
        repeated.append(record)
        earlier = [r for r in repeated if is_record(r)]
        if earlier and data.draw(st.booleans()):
            repeated.append(data.draw(st.sampled_from(earlier)))
    once, twice = world(any_model).run(log), world(any_model).run(repeated)
    assert without_offsets(twice.states()) == without_offsets(once.states())
    assert [(t.from_zone, t.to_zone, t.receipt) for t in twice.transitions.values()] == [
        (t.from_zone, t.to_zone, t.receipt) for t in once.transitions.values()
    ]


def points_of(scorer, snapshot):
    """What each input added. A recency goes on counting when nothing that reads it can move any more."""
    if snapshot is None or snapshot.plain is None:
        return None
    return scorer._assessor.scorings[snapshot.policy].score(snapshot.raws, snapshot.lasting).points()


@settings(max_examples=max(60, settings.default.max_examples), deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=12), st.integers(0, 400))
def test_no_change_is_missed_between_two_dues(build, any_model, start, drawn, hours):
    """An account evaluated only when due has, at any moment, the score, standing and zone of one looked at each hour."""
    state = any_model.new("acme")
    for at, record in enumerate(build(drawn)[:-1]):
        age = drawn[at][2]
        any_model.apply(state, record, start + age, at.to_bytes(8, "big"))
    any_model.evaluate(state, start)
    often = any_model.decode("acme", any_model.encode(state))
    evaluations = 0
    for hour in range(hours):
        now_ms = start + hour * HOUR_MS
        while state.due_ms is not None and state.due_ms <= now_ms:
            due_ms = state.due_ms
            any_model.evaluate(state, due_ms)
            any_model.evaluate(often, due_ms)
            evaluations += 1
            assert state.due_ms is None or state.due_ms > due_ms
        any_model.evaluate(often, now_ms)  # one too many changes nothing
        assert (often.zone, often.zone_since_ms) == (state.zone, state.zone_since_ms)
        assert often.last.score == state.last.score
        assert points_of(any_model, often.last) == points_of(any_model, state.last)
        assert often.due_ms == state.due_ms
        seen = any_model.health(state, now_ms)
        assert (None if seen.score is None else round(seen.score * 100)) == state.last.score
    if hours > 24 * 20:
        assert state.due_ms is None
    for account in (state, often):
        any_model.evaluate(account, start + hours * HOUR_MS)
    for kept in (reference, period_start):
        assert points_of(any_model, kept(often)) == points_of(any_model, kept(state))


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(LOGS)
def test_an_account_enters_red_below_and_leaves_it_above_the_margin(world, build, every_kind, drawn):
    found = world(every_kind).run(build(drawn))
    for transition in found.transitions.values():
        score = transition.receipt.score
        if transition.to_zone is Zone.RED:
            assert score < 40
        elif transition.from_zone is Zone.RED and transition.to_zone is not None:
            assert score > 45
        assert transition.from_zone is not transition.to_zone


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(LOGS)
def test_every_event_is_counted_once(world, build, any_model, drawn):
    log = build(drawn)
    counts = world(any_model).run(log, cuts=[{3, 17}]).store.fence().counts
    events = sum(is_record(record) for record in log)
    assert counts.get("applied", 0) + counts.get("duplicate", 0) + counts.get("too_late", 0) == events
    assert counts["ticks"] == sum(isinstance(record, int) for record in log)
