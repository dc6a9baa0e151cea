"""Print an account: score, contributions, what changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from kenko.alerting.record import AlertHistory
from kenko.alerting.render import render_firing, rule_in_words
from kenko.alerting.words import day, quantity
from kenko.backtest.view import AccountView
from kenko.cli.say import out
from schemas.health import Contribution, HealthScore, Standing, Zone, centi
from schemas.transition import Transition

_COLOURS = {Zone.RED: "red", Zone.YELLOW: "yellow", Zone.GREEN: "green"}
_STANDINGS = {
    Standing.NEW: "new: it has no zone yet",
    Standing.UNKNOWN: "no use was heard of, or no input has data",
    Standing.CHURNED: "churned: its contract has ended",
}


def in_colour(zone: Zone) -> str:
    """The zone's name, marked up."""
    return f"[{_COLOURS[zone]}]{zone}[/]"


def print_view(view: AccountView, last: str | None) -> None:
    """The account's score, the contributions that add up to it, and what changed."""
    health = view.health
    _print_head(health)
    if health.contributions:
        out.print(_table(view.health.contributions, health))
        for item in view.health.contributions:
            if item.note is not None:
                out.print(f"  {item.label}: {item.note}", markup=False, soft_wrap=True)
    for line in _changes(view):
        out.print(line, markup=False, soft_wrap=True)
    if last is not None:
        out.print(f"Last: {last}", markup=False, soft_wrap=True)


def last_of_alert(history: AlertHistory | None) -> str | None:
    """The newest alert in a line."""
    if history is None:
        return None
    end = "still open" if history.resolved_at is None else f"over since {history.resolved_at:%Y-%m-%d %H:%M}"
    alert = history.alert
    return f"{alert.opened_at:%Y-%m-%d %H:%M}, {alert.title}. {alert.reason} ({_cause(alert.cause)}; {end})"


def last_of_transitions(transitions: Sequence[Transition]) -> str | None:
    """The newest transition in a line."""
    if not transitions:
        return None
    newest = transitions[-1]
    when = f"{newest.time:%Y-%m-%d %H:%M}"
    if newest.holds:
        words = render_firing(newest)
        return f"{when}, {words.title}. {words.reason} ({_cause(newest.cause)})"
    if not newest.is_of_zone:
        return f"{when}, {rule_in_words(newest)} is over ({_cause(newest.cause)})"
    before, after = newest.from_zone or "no zone", newest.to_zone or "no zone"
    score = "" if newest.receipt.score is None else f" at {newest.receipt.score:.2f}"
    return f"{when}, from {before} to {after}{score} ({_cause(newest.cause)})"


def _print_head(health: HealthScore) -> None:
    score = "no score" if health.score is None else f"{health.score:.2f} of 100"
    out.print(f"{health.account_id}: {score}", markup=False, end="", soft_wrap=True)
    if health.zone is not None:
        since = "" if health.zone_since is None else f" since {health.zone_since:%Y-%m-%d %H:%M}"
        out.print(f", {in_colour(health.zone)}{since}")
    else:
        out.print(f", {_STANDINGS.get(health.standing, 'no zone yet')}")
    out.print(f"as of {health.time:%Y-%m-%d %H:%M} UTC, model {health.model}", markup=False)
    if health.stale_since is not None:
        out.print(
            f"stale since {health.stale_since:%Y-%m-%d %H:%M} UTC: a source of its events is silent. What it feeds is shown"
            " as it was then, and time takes nothing away until it is back.",
            markup=False,
            soft_wrap=True,
        )


def _table(contributions: Sequence[Contribution], health: HealthScore) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("group", "input", "value"):
        table.add_column(title)
    for title in ("health", "share", "points"):
        table.add_column(title, justify="right", no_wrap=True)
    for item in contributions:
        table.add_row(
            escape(item.group),
            escape(item.label),
            escape(quantity(item.value, item.unit)),
            "" if item.health is None else f"{item.health:.2f}",
            f"{item.weight:.1%}" if item.weight else "",
            f"{item.points:.2f}",
        )
    table.add_section()
    total = sum(centi(item.points) for item in contributions) / 100
    table.add_row("total", "", "", "", f"{sum(item.weight for item in contributions):.0%}", f"{total:.2f}")
    if health.score is not None and centi(total) != centi(health.score):
        raise RuntimeError(f"the contributions add up to {total:.2f}, the score is {health.score:.2f}")
    return table


def _changes(view: AccountView) -> list[str]:
    """What moved since the reference, largest first, in words."""
    score, before = view.health.score, view.reference_score
    lines = []
    if view.reference_time is None or before is None or score is None:
        lines.append("There is no earlier score to compare with yet.")
    else:
        then = day(view.reference_time, seen_from=view.health.time)
        lines.append(f"Since {then}: {before:.2f} to {score:.2f} ({score - before:+.2f})")
        moved = [(_moved(item), item) for item in view.health.contributions if _moved(item)]
        for points, item in sorted(moved, key=lambda pair: (-abs(pair[0]), pair[1].signal)):
            lines.append(f"  {points / 100:+.2f}  {item.label}: {_now_and_then(item)}")
        if view.cap_lifted:
            lines.append(f"  {view.cap_lifted:+.2f}  the cap that held the score is gone")
        elif not moved:
            lines.append("  No input has moved.")
    if view.last_seen is not None:
        lines.append(f"Last event: {view.last_seen:%Y-%m-%d %H:%M} UTC")
    return lines


def _now_and_then(item: Contribution) -> str:
    now, then = quantity(item.value, item.unit), quantity(item.value_before, item.unit)
    return f"still {now}" if now == then else f"{now}, was {then}"


def _moved(item: Contribution) -> int:
    """Hundredths of a point since the reference; 0 where it is not known."""
    return 0 if item.points_before is None else centi(item.points) - centi(item.points_before)


def _cause(cause: str) -> str:
    return str(cause).replace("_", " ")
