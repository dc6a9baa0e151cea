"""Next step: what to do about an alert, by what it is about."""

from __future__ import annotations

from collections.abc import Callable

from kenko.alerting.inputs import inputs_about, measured, name_of, strongest
from kenko.alerting.why import QUIET_MS, losses_beside_silence, override_of, silence_ms
from kenko.alerting.words import day, duration
from schemas.transition import Cause, RuleKind, Transition


def next_step(transition: Transition) -> str:
    """One sentence. Before the account is contacted, a change that is not its own is looked at."""
    if transition.cause is Cause.CHANGED_MODEL:
        return "Check the change of the model before you contact the account."
    if transition.cause is Cause.OVERRIDE and override_of(transition) is not None:
        return "Agree with whoever set the score what to do next."
    return _BY_KIND[transition.kind](transition)


def _expansion(transition: Transition) -> str:
    best = strongest(transition.receipt)
    return f"Propose more: {measured(best[0], compared=False)}." if best else "Propose more: the account does well."


def _sentiment(_transition: Transition) -> str:
    return "Answer fast: thank them, and ask what is behind it."


def _support(_transition: Transition) -> str:
    return "Go through their tickets with support, and say what will happen next."


def _onboarding(transition: Transition) -> str:
    about = inputs_about(transition.receipt, RuleKind.ONBOARDING)
    where = f": {measured(about[0], compared=False)}" if about else " of their onboarding"
    return f"Help them to the next step{where}."


def _renewal(transition: Transition) -> str:
    date, losses = transition.account.renewal_date, losses_beside_silence(transition)
    begins = "Before the renewal" if date is None else f"Renewal on {day(date, seen_from=transition.time)}"
    if losses:
        return f"{begins}: ask about {name_of(losses[0].contribution)} while there is time."
    return f"{begins}: ask whether they get what they came for."


def _churn(transition: Transition) -> str:
    quiet_ms = silence_ms(transition)
    if quiet_ms is not None and quiet_ms >= QUIET_MS:
        return f"Contact the account: nobody has been active for {duration(quiet_ms)}."
    losses = losses_beside_silence(transition)
    if losses:
        return f"Contact the account and ask about {name_of(losses[0].contribution)}."
    return "Contact the account and ask how it is doing."


_BY_KIND: dict[RuleKind, Callable[[Transition], str]] = {
    RuleKind.CHURN: _churn,
    RuleKind.SENTIMENT: _sentiment,
    RuleKind.SUPPORT: _support,
    RuleKind.ONBOARDING: _onboarding,
    RuleKind.RENEWAL: _renewal,
    RuleKind.EXPANSION: _expansion,
}
