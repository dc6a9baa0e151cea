"""`kenko model diff`: what changes from one health model to another, what it costs, and whose score moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_source import EventSource, open_source
from kenko.backtest.moves import Move, by_zone, find_moves, where
from kenko.backtest.plan import closing_tick, plan
from kenko.backtest.run import Judge, run
from kenko.cli.durations import read_duration
from kenko.cli.model_file import read_model
from kenko.cli.refusals import print_bad_lines
from kenko.cli.say import count_of, foreseen, out
from kenko.model import HealthModel
from kenko.model.diff import Change, Cost, diff_models
from kenko.model.words import Words
from kenko.runtime.clock import SystemClock
from schemas.health import HealthScore

SHOWN = 20
_COSTS = {
    Cost.NOTHING: "Nothing changes.",
    Cost.WORDS: "Words and tests only: no score changes.",
    Cost.RESCORE: "Another score hash: accounts are scored again from their stored state, nothing is rebuilt.",
    Cost.REBUILD: "Another state hash: the state is rebuilt from the log, beside the one that is in use.",
}
_ZONES = ("red", "yellow", "green", "new", "unknown", "churned")


def model_diff(
    old: Annotated[Path, typer.Argument(help="The model that is in use.")],
    new: Annotated[Path, typer.Argument(help="The model that is to follow it.")],
    *,
    events: Annotated[Path | None, typer.Option(help="Fold this file with both, and say whose score moves.")] = None,
    tick: Annotated[str, typer.Option(help="With --events: event time between two ticks.")] = "1h",
    show: Annotated[int, typer.Option(help="With --events: how many accounts to show.", min=0)] = SHOWN,
) -> None:
    """Say in words what changes from OLD to NEW, and what the change costs the running system."""
    with foreseen():
        before, after = read_model(old), read_model(new)
        interval_ms = read_duration(tick)
        source = None if events is None else open_source(events)
    diff = diff_models(before, after)
    _print_changes(diff.changes)
    _print_changes(diff.wording)
    if not diff.changes and diff.cost in (Cost.RESCORE, Cost.REBUILD):
        _say("What differs does not show in words: an order, or a number behind its last digit.")
    _say(_COSTS[diff.cost])
    if source is not None:
        print_bad_lines(source.bad, "not an event")
        _print_moves(_scores(before, source, interval_ms), _scores(after, source, interval_ms), show)


def _print_changes(changes: Sequence[Change]) -> None:
    words = Words()
    for heading in dict.fromkeys(change.heading for change in changes):
        _say(words.say(heading))
        for change in changes:
            if change.heading == heading:
                _say(f"  {change}")
        _say("")


def _scores(model: HealthModel, source: EventSource, interval_ms: int) -> list[HealthScore]:
    """Every account's score at the end of the file."""
    now_ms = SystemClock().now_ms()
    until_ms = closing_tick(min(source.last_ms, now_ms), interval_ms).time_ms
    steps = plan(source.events(), interval_ms=interval_ms, until_ms=until_ms, not_after_ms=now_ms)
    return list(run(steps, Judge(model, 1, AlertPolicy(), now_ms)).fold.scores())


def _print_moves(before: list[HealthScore], after: list[HealthScore], show: int) -> None:
    moves = find_moves(before, after)
    _say("")
    for move in moves[:show]:
        _say(_line(move))
    if len(moves) > show:
        _say(f"and {len(moves) - show:,} more")
    _say(f"{len(moves):,} of {count_of(len(before), 'account')} differ at the end of the file.")
    old, new = by_zone(before), by_zone(after)
    zones = [f"{zone} {old[zone]:,} -> {new[zone]:,}" for zone in _ZONES if old[zone] or new[zone]]
    _say(", ".join(zones))


def _line(move: Move) -> str:
    points = "" if move.points is None else f"{move.points:+.2f}"
    return f"{points:>8}  {move.account_id}: {_score(move.before)} -> {_score(move.after)}"


def _score(health: HealthScore) -> str:
    return where(health) if health.score is None else f"{health.score:.2f} {where(health)}"


def _say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
