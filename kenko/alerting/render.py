"""Render: an alert in the words a CSM reads: what changed, why, what to do.

"Acme entered red: 38, was 61 on 3 March." - "No activity for 9 days. Active users 3, was 12." - "Contact ..."
"Acme: ready to grow (expansion): score 88" - "Seat use 0.95. It is in green." - "Propose more: ..."
"""

from __future__ import annotations

from dataclasses import dataclass

from kenko.alerting.account import account_name
from kenko.alerting.inputs import MAX_LABEL
from kenko.alerting.next_step import next_step
from kenko.alerting.why import sentences
from kenko.alerting.words import UNKNOWN, cut, day, duration, plain, score_text
from schemas.base import from_ms, to_ms
from schemas.health import Standing
from schemas.transition import Transition

MAX_REASON = 2000


@dataclass(frozen=True, slots=True)
class Rendering:
    """Plain text: one line each, free of control characters, not escaped for any channel."""

    title: str
    reason: str
    next_step: str


def render_firing(transition: Transition) -> Rendering:
    """The words of an account that entered red, or for which a rule began to hold."""
    name, score = account_name(transition), _score_and_reference(transition)
    if transition.is_of_zone:
        title = f"{name} entered red: {score}"
    else:
        title = f"{name}: {rule_in_words(transition)}: {score if _score_is_unknown(transition) else f'score {score}'}"
    reason = cut(" ".join(sentences(transition)), MAX_REASON)
    return Rendering(title, reason or "The receipt names no input that lost points.", next_step(transition))


def render_resolved(transition: Transition, *, opened_ms: int) -> Rendering:
    """The words of an account that left red, or for which a rule holds no more; `opened_ms` is when that began."""
    name, end = account_name(transition), _end(transition)
    stay = duration(max(to_ms(transition.time) - opened_ms, 0))
    since = day(from_ms(opened_ms), seen_from=transition.time)
    if transition.is_of_zone:
        return Rendering(f"{name} left red: {end}", f"It was red since {since}, for {stay}.", "")
    title = f"{name}: {rule_in_words(transition)} is over: {end}"
    return Rendering(title, f"It held since {since}, for {stay}.", "")


def rule_in_words(transition: Transition) -> str:
    """'gone quiet (churn)'; a rule without a label is called by its name."""
    label = plain(transition.label, MAX_LABEL) or plain(transition.rule, MAX_LABEL)
    return f"{label} ({transition.kind.value})"


def _end(transition: Transition) -> str:
    """Where the account is now."""
    receipt, zone = transition.receipt, transition.to_zone
    if zone is not None:
        return f"{score_text(receipt.score)}, now {zone.value}"
    if transition.is_of_zone or receipt.standing is not Standing.NEW:
        return f"it has no zone {'any more ' if transition.is_of_zone else ''}({receipt.standing.value})"
    return f"{_score_and_reference(transition)}, new"


def _score_is_unknown(transition: Transition) -> bool:
    return transition.receipt.score is None


def _score_and_reference(transition: Transition) -> str:
    receipt = transition.receipt
    score = f"score {UNKNOWN}" if _score_is_unknown(transition) else score_text(receipt.score)
    if receipt.reference_score is None or receipt.reference_time is None:
        return score
    when = day(receipt.reference_time, seen_from=transition.time)
    return f"{score}, was {score_text(receipt.reference_score)} on {when}"
