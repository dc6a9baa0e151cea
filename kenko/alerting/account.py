"""Account: who it is about, and what is at stake: name, renewal, revenue, owner, as far as they are known."""

from __future__ import annotations

from datetime import datetime

from kenko.alerting.words import number, plain
from schemas.transition import AccountFacts, Transition

MAX_NAME = 120
_MAX_BESIDE = 60
"""Of an id that stands in brackets beside the name."""
_MAX_OWNER = 80


def account_name(transition: Transition) -> str:
    """'Acme Ltd (acme)'; the id alone where no name is known, or it is the same."""
    id_ = plain(transition.account_id, MAX_NAME)
    name = plain(transition.account.name or "", MAX_NAME)
    return f"{name} ({plain(id_, _MAX_BESIDE)})" if name and name != id_ else id_


def stakes(transition: Transition) -> list[str]:
    """Sentences: 'Renewal in 41 days, 480,000 a month.', 'Owner: Sato.'; none of what is not known."""
    facts = transition.account
    parts = [part for part in (_renewal(facts, transition.time), _revenue(facts)) if part]
    owner = plain(facts.owner or "", _MAX_OWNER)
    sentences = [f"{', '.join(parts)}."] if parts else []
    return [*sentences, f"Owner: {owner}."] if owner else sentences


def _renewal(facts: AccountFacts, now: datetime) -> str:
    if facts.renewal_date is None:
        return ""
    days = (facts.renewal_date.date() - now.date()).days
    if days == 0:
        return "Renewal today"
    noun = "day" if abs(days) == 1 else "days"
    return f"Renewal in {days} {noun}" if days > 0 else f"Renewal was due {-days} {noun} ago"


def _revenue(facts: AccountFacts) -> str:
    """Nothing for an account that brings nothing: its contract has ended, or is a trial."""
    return f"{number(facts.mrr)} a month" if facts.mrr is not None and facts.mrr > 0 else ""
