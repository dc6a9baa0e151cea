"""Render: an alert in the words a CSM reads: what changed, why, what to do.

"Acme entered red: 38, was 61 on 3 March." - "No activity for 9 days. Active users 3, was 12." - "Contact ..."
"""

from __future__ import annotations

from dataclasses import dataclass

from kenko.alerting.losses import Loss, largest_losses
from kenko.alerting.words import UNKNOWN, cut, day, duration, plain, quantity, score_text
from schemas.base import from_ms, to_ms
from schemas.transition import Cause, Transition

DAY_MS = 86_400_000
QUIET_MS = 3 * DAY_MS
"""From here on silence is worth a sentence whatever the cause."""
MAX_NAME = 120
MAX_LABEL = 80
MAX_REASON = 2000


@dataclass(frozen=True, slots=True)
class Rendering:
    """Plain text: one line each, free of control characters, not escaped for any channel."""

    title: str
    reason: str
    next_step: str


def render_firing(transition: Transition) -> Rendering:
    """The words of an account that entered red."""
    name = plain(transition.account_id, MAX_NAME)
    silence_ms = _silence_ms(transition)
    losses = [loss for loss in largest_losses(transition.receipt) if not _says_silence(loss, silence_ms)]
    sentences = _sentences(transition, silence_ms, losses)
    return Rendering(
        title=f"{name} entered red{_rule(transition)}: {_score_and_reference(transition)}",
        reason=cut(" ".join(sentences), MAX_REASON) or "The receipt names no input that lost points.",
        next_step=_next_step(transition, silence_ms, losses),
    )


def render_resolved(transition: Transition, *, opened_ms: int) -> Rendering:
    """The words of an account that left red; `opened_ms` is when it had entered."""
    name = plain(transition.account_id, MAX_NAME)
    stay = duration(max(to_ms(transition.time) - opened_ms, 0))
    since = day(from_ms(opened_ms), seen_from=transition.time)
    if transition.to_zone is None:
        where = f"has no zone any more ({transition.receipt.standing.value})"
        title = f"{name} left red{_rule(transition)}: it {where}"
    else:
        score = score_text(transition.receipt.score)
        title = f"{name} left red{_rule(transition)}: {score}, now {transition.to_zone.value}"
    return Rendering(title=title, reason=f"It was red since {since}, for {stay}.", next_step="")


def _rule(transition: Transition) -> str:
    return "" if transition.rule == "zone" else f" by rule {plain(transition.rule, MAX_LABEL)}"


def _score_and_reference(transition: Transition) -> str:
    receipt = transition.receipt
    score = score_text(receipt.score)
    if receipt.score is None:
        score = f"score {UNKNOWN}"
    if receipt.reference_score is None or receipt.reference_time is None:
        return score
    when = day(receipt.reference_time, seen_from=transition.time)
    return f"{score}, was {score_text(receipt.reference_score)} on {when}"


def _silence_ms(transition: Transition) -> int | None:
    """How long the account has been quiet, in milliseconds; None where its last activity is not known."""
    last_seen = transition.receipt.last_seen
    return None if last_seen is None else max(to_ms(transition.time) - to_ms(last_seen), 0)


def _says_silence(loss: Loss, silence_ms: int | None) -> bool:
    """True for 'days since last activity': it would say the silence a second time."""
    item = loss.contribution
    if silence_ms is None or silence_ms < DAY_MS or item.value is None or item.unit not in ("day", "days"):
        return False
    return abs(item.value - silence_ms / DAY_MS) <= 1


def _sentences(transition: Transition, silence_ms: int | None, losses: list[Loss]) -> list[str]:
    by_time = transition.cause is Cause.PASSING_TIME
    sentences = [_loss_sentence(loss) for loss in losses]
    silence: str | None = None
    if silence_ms is None:
        silence = "Its last activity is unknown." if by_time else None
    elif silence_ms >= (DAY_MS if by_time else QUIET_MS):
        silence = f"No activity for {duration(silence_ms)}."
    if silence is not None:
        # What passing time took away begins with the silence; otherwise the silence comes after what was lost.
        sentences.insert(0 if by_time else len(sentences), silence)
    cause = _CAUSE_SENTENCES.get(transition.cause)
    return sentences if cause is None else [cause, *sentences]


def _loss_sentence(loss: Loss) -> str:
    item = loss.contribution
    label = plain(item.label, MAX_LABEL) or plain(item.signal, MAX_LABEL)
    if loss.is_cap:
        return f"{label} (this caps the score)."
    # 'Active users 3' needs no 'users' after it.
    unit = "" if item.unit.lower() in label.lower() else plain(item.unit, MAX_LABEL)
    if item.value is None and not loss.compared:
        return f"{label}: no data."
    text = f"{label} {quantity(item.value, unit)}" if item.value is not None else f"{label}: no data"
    if not loss.compared:
        return f"{text}."
    before = UNKNOWN if item.value_before is None else quantity(item.value_before, "")
    if item.value is not None and before == quantity(item.value, ""):
        return f"{text}, unchanged."
    return f"{text}, was {before}."


def _next_step(transition: Transition, silence_ms: int | None, losses: list[Loss]) -> str:
    if transition.cause is Cause.CHANGED_MODEL:
        return "Check the change of the model before you contact the account."
    if transition.cause is Cause.OVERRIDE:
        return "Ask who set the score by hand, and why."
    if silence_ms is not None and silence_ms >= QUIET_MS:
        return f"Contact the account: nobody has been active for {duration(silence_ms)}."
    if losses:
        item = losses[0].contribution
        return f"Contact the account and ask about {plain(item.label or item.signal, MAX_LABEL)}."
    return "Contact the account and ask how it is doing."


_CAUSE_SENTENCES = {
    Cause.CHANGED_MODEL: "The health model changed, not what the account does.",
    Cause.LATE_DATA: "Data that arrived late changed the score.",
    Cause.OVERRIDE: "The score was set by hand.",
}
