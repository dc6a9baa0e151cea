"""Why: the reason of an alert, sentence by sentence, most important first."""

from __future__ import annotations

from kenko.alerting.account import stakes
from kenko.alerting.inputs import inputs_about, loss_sentence, measured, strongest, was_measured
from kenko.alerting.losses import Loss, largest_losses
from kenko.alerting.words import duration, plain
from schemas.base import to_ms
from schemas.health import OVERRIDE_GROUP, Contribution, Standing
from schemas.transition import Cause, RuleKind, Transition

DAY_MS = 86_400_000
QUIET_MS = 3 * DAY_MS
"""From here on silence is worth a sentence whatever the cause."""
MAX_OVERRIDE = 400


def sentences(transition: Transition) -> list[str]:
    """Why it fires. A change that is not the customer's is said first, what is at stake last."""
    found = [*_cause(transition), *_what_happened(transition)]
    if transition.is_of_zone:
        return [*found, *stakes(transition)]
    return [*found, *_standing(transition), *stakes(transition)]


def silence_ms(transition: Transition) -> int | None:
    """How long the account has been quiet, in milliseconds; None where its last activity is not known."""
    last_seen = transition.receipt.last_seen
    return None if last_seen is None else max(to_ms(transition.time) - to_ms(last_seen), 0)


def losses_beside_silence(transition: Transition) -> list[Loss]:
    """The largest losses, without the one that would say the silence a second time."""
    quiet_ms = silence_ms(transition)
    return [loss for loss in largest_losses(transition.receipt) if not _says_silence(loss, quiet_ms)]


def override_of(transition: Transition) -> Contribution | None:
    """What a person set, while that is in force."""
    return next((item for item in transition.receipt.contributions if item.group == OVERRIDE_GROUP), None)


def _what_happened(transition: Transition) -> list[str]:
    receipt, kind = transition.receipt, transition.kind
    if kind is RuleKind.EXPANSION:
        return [f"{measured(item, compared=was_measured(item))}." for item in strongest(receipt)]
    if kind in (RuleKind.SENTIMENT, RuleKind.SUPPORT, RuleKind.ONBOARDING):
        about = [f"{measured(item, compared=was_measured(item))}." for item in inputs_about(receipt, kind)]
        if about:
            return about
    return _losses_and_silence(transition)


def _losses_and_silence(transition: Transition) -> list[str]:
    by_time = transition.cause is Cause.PASSING_TIME
    found = [loss_sentence(loss) for loss in losses_beside_silence(transition)]
    quiet_ms = silence_ms(transition)
    silence: str | None = None
    if quiet_ms is None:
        silence = "Its last activity is unknown." if by_time else None
    elif quiet_ms >= (DAY_MS if by_time else QUIET_MS):
        silence = f"No activity for {duration(quiet_ms)}."
    if silence is not None:
        # What passing time took away begins with the silence; otherwise the silence comes after what was lost.
        found.insert(0 if by_time else len(found), silence)
    return found


def _cause(transition: Transition) -> list[str]:
    """What is not the customer's doing."""
    found = [_CAUSES[transition.cause]] if transition.cause in _CAUSES else []
    override = override_of(transition)
    if override is not None:
        # As 'Set by Sato: Merger announced.'
        by_whom = plain(override.label, MAX_OVERRIDE).rstrip(".")
        return [*found, "The score was set by hand.", *([f"{by_whom}."] if by_whom else [])]
    if transition.cause is Cause.OVERRIDE:
        return ["A score that was set by hand no longer counts."]
    return found


def _standing(transition: Transition) -> list[str]:
    if transition.to_zone is not None:
        return [f"It is in {transition.to_zone.value}."]
    sentence = _STANDINGS.get(transition.receipt.standing)
    return [] if sentence is None else [sentence]


def _says_silence(loss: Loss, quiet_ms: int | None) -> bool:
    """True for 'days since last activity'."""
    item = loss.contribution
    if quiet_ms is None or quiet_ms < DAY_MS or item.value is None or item.unit not in ("day", "days"):
        return False
    return abs(item.value - quiet_ms / DAY_MS) <= 1


_CAUSES = {
    Cause.CHANGED_MODEL: "The health model changed, not what the account does.",
    Cause.LATE_DATA: "Data that arrived late changed the score.",
}
_STANDINGS = {
    Standing.NEW: "It is new and has no zone yet.",
    Standing.UNKNOWN: "There is no data for a score.",
    Standing.CHURNED: "Its contract has ended.",
}
