"""How fast the engine is and how large a row: `make bench-engine`. Each figure beside what it is compared with.

Single-threaded, in memory, the default model. Seconds of processor time, best of several runs: on a shared machine the
others say more about the neighbours than about the engine.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple, TypeVar

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import mixed, typical_account
from kenko.engine.assessing import Recall
from kenko.engine.identity import event_digest
from kenko.engine.partition import PartitionFold
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.model import HealthModel, load_model
from kenko.model.limits import HOUR_MS, MINUTE_MS
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

MODEL = Path(__file__).parents[1] / "examples" / "models" / "default.yaml"
EVENTS_A_TICK = 2_500
APPLIED_TARGET = 100_000
SCORED_TARGET = 20_000
ROW_TARGET = 1_024

T = TypeVar("T")


class Applied(NamedTuple):
    """Seconds that a run of the fold took."""

    applying: float
    ticking: float
    evaluations: int


def apply_all(model: HealthModel, past: Sequence[UsageEvent], events: Sequence[UsageEvent]) -> Applied:
    """The fold over `events`, with a tick every 2,500. The past comes first and is not measured."""
    fold = PartitionFold(Scorer(model), partition=0)
    fold.adopt(dict.fromkeys(fold.missing(event.account_id for event in past)))
    for offset, event in enumerate(past):
        fold.apply(offset, event)
    now_ms = to_ms(past[-1].time)
    offset = _tick(fold, len(past), now_ms)
    before = fold.counts["evaluated"]
    applying = ticking = 0.0
    for first in range(0, len(events), EVENTS_A_TICK):
        batch = events[first : first + EVENTS_A_TICK]
        begin = process_time()
        for event in batch:
            fold.apply(offset, event)
            offset += 1
        middle = process_time()
        offset = _tick(fold, offset, to_ms(batch[-1].time))
        applying += middle - begin
        ticking += process_time() - middle
    return Applied(applying, ticking, fold.counts["evaluated"] - before)


def _tick(fold: PartitionFold, offset: int, now_ms: int) -> int:
    """As a runner does at a tick: evaluate what is due, then encode what changed."""
    fold.tick(offset, now_ms, None)
    fold.evaluate(fold.select_due([]), offset)
    fold.take_scores()
    fold.drain()
    return offset + 1


def bare_cost(events: Sequence[UsageEvent]) -> float:
    """What no engine can save: hash the id, look the account up, look whether the id is known and keep it."""
    known: dict[str, set[bytes]] = {}
    begin = process_time()
    for event in events:
        digest = event_digest(event.source, event.id)
        ids = known.get(event.account_id)
        if ids is None:
            ids = known[event.account_id] = set()
        if digest not in ids:
            ids.add(digest)
        to_ms(event.time)
    return process_time() - begin


def score_all(model: HealthModel, past: Sequence[UsageEvent], rounds: int, *, explain: bool, loaded: bool) -> float:
    """Accounts scored a second: each a minute after the last time, with a new event between, which is not measured.

    With `explain` each scoring is told and its receipt is written. With `loaded` the account was just read from the
    store, so nothing is remembered of its last evaluation.
    """
    scorer = Scorer(model)
    states = _states(scorer, past)
    events = {event.account_id: event for event in past}
    recalls = {state.account_id: Recall() for state in states}
    now_ms = to_ms(past[-1].time)
    for state in states:
        scorer.evaluate(state, now_ms, memo=recalls[state.account_id])
    spent = 0.0
    for number in range(rounds):
        now_ms += MINUTE_MS
        for state in states:
            recall = recalls[state.account_id]
            scorer.apply(state, events[state.account_id], now_ms, number.to_bytes(8, "big"), memo=recall)
            if explain:
                state.told = None  # nothing was ever published: so there is something to tell
        if loaded:
            recalls = {state.account_id: Recall() for state in states}
        begin = process_time()
        for state in states:
            evaluation = scorer.evaluate(state, now_ms, memo=recalls[state.account_id])
            if explain and evaluation is not None:
                scorer.receipt(state, evaluation, now_ms)
        spent += process_time() - begin
    return rounds * len(states) / spent


def _states(scorer: Scorer, events: Sequence[UsageEvent]) -> list[AccountState]:
    states: dict[str, AccountState] = {}
    for event in events:
        state = states.get(event.account_id)
        if state is None:
            state = states[event.account_id] = scorer.new(event.account_id)
        scorer.apply(state, event, to_ms(event.time), event_digest(event.source, event.id))
    return list(states.values())


def typical_row(model: HealthModel) -> AccountState:
    """The row of a typical account after 60 days with a tick an hour."""
    scorer = Scorer(model)
    state = scorer.new("acme-corporation")
    events = typical_account()
    now_ms = to_ms(events[0].time)
    for event in events:
        time_ms = to_ms(event.time)
        while now_ms + HOUR_MS <= time_ms:
            now_ms += HOUR_MS
            if state.touched or (state.due_ms is not None and state.due_ms <= now_ms):
                scorer.evaluate(state, now_ms)
        scorer.apply(state, event, time_ms, event_digest(event.source, event.id))
    scorer.evaluate(state, now_ms + HOUR_MS)
    return state


def parts_of(row: bytes) -> dict[str, int]:
    """Bytes by part of a row as it is stored."""
    parts = zip(AccountState.__struct_fields__, msgspec.msgpack.decode(row), strict=True)
    sizes = {name: len(msgspec.msgpack.encode(part)) for name, part in parts}
    snapshots = sum(sizes.pop(name) for name in ("last", "earlier"))
    named = {name: sizes.pop(name) for name in ("signals", "closes", "traits", "rhythm", "rules")}
    return {**named, "snapshots": snapshots, "the rest": sum(sizes.values())}


def rows_a_second(scorer: Scorer, state: AccountState, *, written: bool) -> float:
    """How often the row of this account is written, or read, in a second."""
    row, times = scorer.encode(state), 10_000
    begin = process_time()
    for _ in range(times):
        if written:
            scorer.encode(state)
        else:
            scorer.decode(state.account_id, row)
    return times / (process_time() - begin)


def best(runs: int, measure: Callable[[], T], seconds: Callable[[T], float]) -> T:
    """The fastest of several runs, with the collector off while it runs."""
    results = []
    for _ in range(runs):
        gc.collect()
        gc.disable()
        try:
            results.append(measure())
        finally:
            gc.enable()
    return min(results, key=seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", type=Path, default=MODEL)
    given = parser.parse_args()
    model = load_model(given.model.read_text(encoding="utf-8"))
    past, events = mixed(given.accounts, past=20_000, events=given.events)
    print(f"{given.model.name}: {len(model.signals)} signals, {len(model.stored)} stored; best of {given.runs}\n")

    applied = best(given.runs, lambda: apply_all(model, past, events), lambda run: run.applying)
    bare = best(given.runs, lambda: bare_cost(events), lambda run: run)
    count = len(events)
    _say("events applied a second, ticks not counted", count / applied.applying, f"target {APPLIED_TARGET:,}")
    _say("  bare id hash and look-ups", count / bare, f"{applied.applying / bare:.1f} x as fast")
    _say(f"  with the ticks, one in {EVENTS_A_TICK:,} events", count / (applied.applying + applied.ticking))
    _say("  accounts a second within the ticks", applied.evaluations / applied.ticking, "encoding of rows included")

    for explain, loaded, what, target in (
        (True, False, "full scorings a second, each with its receipt", f"target {SCORED_TARGET:,}"),
        (False, False, "  receipts only where a zone or rule changes", ""),
        (True, True, "  of accounts just loaded, with receipt", ""),
        (False, True, "  of accounts just loaded, receipts where needed", ""),
    ):
        rate = best(
            given.runs, lambda e=explain, n=loaded: score_all(model, past, 20, explain=e, loaded=n), lambda r: -r
        )
        _say(what, rate, target)

    scorer, state = Scorer(model), typical_row(model)
    for written, what in ((True, "typical rows written a second"), (False, "  read")):
        _say(what, best(given.runs, lambda w=written: rows_a_second(scorer, state, written=w), lambda rate: -rate))
    parts = parts_of(scorer.encode(state))
    _say("bytes of a typical row, closes apart", sum(parts.values()) - parts["closes"], f"target {ROW_TARGET:,}")
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        _say(f"  {name}", size)


def _say(what: str, figure: float, compared: str = "") -> None:
    print(f"{what:<46} {figure:>10,.0f}   {compared}".rstrip())


if __name__ == "__main__":
    main()
