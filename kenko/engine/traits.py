"""What is known of an account besides its use: seats, revenue, owner, phase. Each trait is the newest that was said.

The newest by time, then by digest of the record, wins, so the order of arrival does not matter. Traits that one record
told stand together under its time and digest, newest record first; a known trait is its place among `KNOWN_TRAITS`, and
any other its name. A row is shorter by that, and no step has to pack it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from kenko.engine.identity import tie_break
from kenko.engine.state import AccountState, Told
from kenko.model.limits import DAY_MS
from kenko.model.spec import KNOWN_TRAITS, HealthModel
from schemas.base import from_ms, to_ms
from schemas.transition import AccountFacts

RENEWAL_DATE = "renewal_date"
MRR = "mrr"
TOUCH = "touch"
LIFECYCLE = "lifecycle"
ONBOARDING, ADOPTION, RENEWAL, CHURNED = "onboarding", "adoption", "renewal", "churned"

_NUMBERS = frozenset({"seats", MRR})
_MOST_TEXT = 200
_LARGEST = 1e12
_NONE = object()
_PLACES: Mapping[str, int | str] = {name: place for place, name in enumerate(KNOWN_TRAITS)}


def text_or_number(state: AccountState, name: str) -> Any:
    """A trait as it was said; None where it is unknown."""
    key = _PLACES.get(name, name)
    for told in state.traits:
        value = told.values.get(key, _NONE)
        if value is not _NONE:
            return value
    return None


def tell(state: AccountState, name: str, value: Any, time_ms: int, digest: bytes) -> None:
    """Take one trait that a record of this time and digest told; of two the newer counts."""
    key = _PLACES.get(name, name)
    for told in state.traits:
        if key in told.values:
            if (told.time_ms, told.digest, repr(told.values[key])) >= (time_ms, digest, repr(value)):
                return
            del told.values[key]
    records = [told for told in state.traits if told.values]
    for told in records:
        if (told.time_ms, told.digest) == (time_ms, digest):
            told.values = dict(sorted([*told.values.items(), (key, value)], key=_order))
            break
    else:
        records.append(Told(time_ms, digest, {key: value}))
        records.sort(key=lambda told: (told.time_ms, told.digest), reverse=True)
    state.traits = records


def carry_traits(state: AccountState, told: list[Told], names: Sequence[str]) -> None:
    """Take traits that another reading of the log told: each goes before the one the account has. Only `names` stay."""
    kept = {_PLACES.get(name, name) for name in names}
    newer = {key for record in told for key in record.values}
    records: dict[tuple[int, bytes], dict[int | str, Any]] = {}
    for found, keys in ((state.traits, kept - newer), (told, kept)):
        for record in found:
            values = {key: value for key, value in record.values.items() if key in keys}
            if values:
                records.setdefault((record.time_ms, record.digest), {}).update(values)
    state.traits = [
        Told(time_ms, digest, dict(sorted(values.items(), key=_order)))
        for (time_ms, digest), values in sorted(records.items(), key=lambda item: item[0], reverse=True)
    ]


def _order(item: tuple[int | str, Any]) -> tuple[bool, int | str]:
    """Known traits by their place, then the others by name."""
    return isinstance(item[0], str), item[0]


def number_trait(state: AccountState, name: str) -> float | None:
    """A numeric trait; None where it is unknown or no number. A contract that ended brings in nothing."""
    value = text_or_number(state, name)
    if type(value) is not int and type(value) is not float:
        return None
    return 0.0 if name == MRR and has_ended(state) else float(value)


def began_ms(state: AccountState) -> int | None:
    """Since when the account is a customer: the first contract that was heard of, else the first event."""
    return state.first_seen_ms if state.began_ms is None else state.began_ms


def renewal_ms(state: AccountState) -> int | None:
    """When the contract is up for renewal."""
    value = text_or_number(state, RENEWAL_DATE)
    return value if type(value) is int else None


def has_ended(state: AccountState) -> bool:
    """True if the newest word on the contract is its end; an end wins a tie."""
    return state.ended_ms is not None and (state.started_ms is None or state.started_ms <= state.ended_ms)


def parse_date(text: Any) -> int | None:
    """`2026-06-30` or a full time, in milliseconds; None for what is no date."""
    if not isinstance(text, str):
        return None
    try:
        if len(text) == len("2026-06-30"):
            return (date.fromisoformat(text) - date(1970, 1, 1)).days * DAY_MS
        time = datetime.fromisoformat(text)
        return to_ms(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


class TraitRules:
    """Which properties are traits, for one model, and what follows from them."""

    def __init__(self, model: HealthModel) -> None:
        self._lifecycle = model.lifecycle
        self._high, self._low = model.traits.high_touch_mrr, model.traits.low_touch_mrr
        names = dict(model.traits.aliases)
        self._sources = {trait: (trait, *names.get(trait, ())) for trait in model.trait_names}

    def take(self, state: AccountState, properties: Mapping[str, Any], time_ms: int, digest: bytes) -> int:
        """Take the traits among `properties`. Answers how many were bad and ignored.

        Null means that it is no longer known. A property that is no trait of the model is passed over.
        """
        ignored, tie = 0, tie_break(digest)
        for trait, sources in self._sources.items():
            said = next((properties[name] for name in sources if name in properties), _NONE)
            if said is _NONE:
                continue
            value = _value_of(trait, said)
            if value is None and said is not None:
                ignored += 1
                continue
            tell(state, trait, value, time_ms, tie)
        return ignored

    def touch(self, state: AccountState) -> str | None:
        """high, low or tech: as it was said, else by revenue, else unknown."""
        said = text_or_number(state, TOUCH)
        if isinstance(said, str):
            return said
        mrr = number_trait(state, MRR)
        if mrr is None or (self._high is None and self._low is None):
            return None
        if self._high is not None and mrr >= self._high:
            return "high"
        return "low" if self._low is not None and mrr >= self._low else "tech"

    def phase(self, state: AccountState, now_ms: int) -> tuple[str, int | None]:
        """The phase of the customer's life, and when passing time alone changes it."""
        if has_ended(state):
            return CHURNED, None
        said = text_or_number(state, LIFECYCLE)
        if isinstance(said, str):
            return said, None
        began, length = began_ms(state), self._lifecycle.onboarding_ms
        if began is not None and length is not None and now_ms < began + length:
            return ONBOARDING, began + length
        date_ms, ahead = renewal_ms(state), self._lifecycle.renewal_ms
        if date_ms is not None and ahead is not None and now_ms < date_ms + DAY_MS:
            return (ADOPTION, date_ms - ahead) if now_ms < date_ms - ahead else (RENEWAL, date_ms + DAY_MS)
        return ADOPTION, None

    def of(self, state: AccountState, name: str, now_ms: int) -> Any:
        """A trait as tests see it: touch and lifecycle as they follow from the others."""
        if name == LIFECYCLE:
            return self.phase(state, now_ms)[0]
        if name == TOUCH:
            return self.touch(state)
        return number_trait(state, name) if name == MRR else text_or_number(state, name)

    def facts(self, state: AccountState, now_ms: int) -> AccountFacts:
        """What an alert says about the account."""

        def text(name: str) -> str | None:
            value = text_or_number(state, name)
            return value if isinstance(value, str) else None

        date_ms = renewal_ms(state)
        return AccountFacts(
            name=text("name"),
            owner=text("owner"),
            plan=text("plan"),
            seats=number_trait(state, "seats"),
            mrr=number_trait(state, MRR),
            touch=self.touch(state),
            lifecycle=self.phase(state, now_ms)[0],
            renewal_date=None if date_ms is None else from_ms(date_ms),
            parent=text("parent"),
        )


def _value_of(trait: str, said: Any) -> Any:
    """A trait as it is kept; None for what cannot be one."""
    if trait == RENEWAL_DATE:
        return parse_date(said)
    if isinstance(said, bool):
        return None if trait in KNOWN_TRAITS else said
    if isinstance(said, int | float):
        fits = -_LARGEST <= said <= _LARGEST and (trait in _NUMBERS or trait not in KNOWN_TRAITS)
        return said if fits else None
    if isinstance(said, str) and said.strip() and trait not in _NUMBERS:
        return said.strip()[:_MOST_TEXT]
    return None
