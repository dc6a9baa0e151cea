"""Print a parent account: the health of its children, weighed by what each pays."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from kenko.alerting.words import UNKNOWN, number
from kenko.cli.account_view import in_colour
from kenko.cli.say import out
from kenko.engine.rollup import Child, RollUp, Share


def print_children(parent: str, children: Sequence[Child], rolled: RollUp) -> None:
    """The parent's score, what is in red, and every child."""
    score = "no score" if rolled.score is None else f"{rolled.score / 100:.2f} of 100"
    out.print(f"{parent}: {score}", markup=False, end="", soft_wrap=True)
    worst = "" if rolled.worst is None else f", the worst of them {in_colour(rolled.worst)}"
    out.print(f" over {_how_many(len(rolled.shares), len(children))}{worst}")
    if rolled.mrr:
        share = f" ({rolled.mrr_in_red / rolled.mrr:.0%})" if rolled.mrr_in_red else ""
        out.print(f"revenue a month: {number(rolled.mrr)}, of it in red: {number(rolled.mrr_in_red)}{share}")
    out.print(_table(children, rolled))
    note = _note([share.child for share in rolled.shares])
    if note is not None:
        out.print(f"  {note}", soft_wrap=True)


def _table(children: Sequence[Child], rolled: RollUp) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("account", "zone"):
        table.add_column(title)
    for title in ("revenue", "score", "share", "points"):
        table.add_column(title, justify="right", no_wrap=True)
    for share in rolled.shares:
        table.add_row(*_of_child(share.child), *_of_share(share))
    scored = {share.child.account_id for share in rolled.shares}
    for child in sorted(children, key=lambda child: child.account_id):
        if child.account_id not in scored:
            table.add_row(*_of_child(child), "", "", "")
    table.add_section()
    if rolled.score is not None:
        table.add_row("total", "", number(rolled.mrr) if rolled.mrr else "", "", "100.0%", f"{rolled.score / 100:.2f}")
    return table


def _how_many(scored: int, children: int) -> str:
    of_all = "1 child" if children == 1 else f"{children:,} children"
    return of_all if scored == children else f"{scored:,} of {of_all}"


def _of_child(child: Child) -> tuple[str, str, str]:
    name = child.account_id if child.name is None else f"{child.account_id} ({child.name})"
    zone = child.standing.value if child.zone is None else in_colour(child.zone)
    return escape(name), zone, UNKNOWN if child.mrr is None else number(child.mrr)


def _of_share(share: Share) -> tuple[str, str, str]:
    return f"{(share.child.score or 0) / 100:.2f}", f"{share.weight:.1%}", f"{share.points / 100:.2f}"


def _note(scored: Sequence[Child]) -> str | None:
    """How revenue has weighed, where that is not plain to see."""
    if not scored:
        return "None of them has a score."
    if not any(child.mrr for child in scored):
        return "No revenue is known, so all weigh the same."
    if any(child.mrr is None for child in scored):
        return "Where revenue is unknown, an account weighs as the mean of the others."
    return None
