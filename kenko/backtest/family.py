"""Parents and children: which accounts belong to a parent, by their trait `parent`, and how each of them does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kenko.backtest.event_file import FileEvent
from kenko.engine.rollup import Child
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.traits import text_or_number
from schemas.health import centi

PARENT = "parent"


def has_parent(state: AccountState, parent: str) -> bool:
    """True if the newest word on the account's parent is this one."""
    return bool(text_or_number(state, PARENT) == parent)


def child_of(scorer: Scorer, state: AccountState, now_ms: int, silent: Mapping[str, int] | None = None) -> Child:
    """The account at `now_ms`. `silent`: as the fence of its partition has it."""
    health = scorer.health(state, now_ms, silent or {})
    facts = scorer.facts(state, now_ms)
    score = None if health.score is None else centi(health.score)
    return Child(state.account_id, health.standing, score, health.zone, facts.mrr, facts.name)


def possible_children(events: Iterable[FileEvent], parent: str) -> frozenset[str]:
    """Accounts of a file that may belong to the parent: one of their events has it as the value of a property.

    All its children are among them. The other accounts of the file need not be folded.
    """
    return frozenset(event.account_id for event in events if _names(event.body.get("properties"), parent))


def _names(properties: object, parent: str) -> bool:
    if not isinstance(properties, dict):
        return False
    return any(isinstance(value, str) and value.strip() == parent for value in properties.values())
