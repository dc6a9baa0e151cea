"""The names that the parts of a model may refer to: signals and traits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kenko.model.nodes import Place, did_you_mean
from kenko.model.signal_spec import Reference, Signal

TRAIT_PREFIX = "trait."
RENEWAL_DATE = "renewal_date"
_TEXTS = ("name", "owner", "plan", "touch", "lifecycle", "parent")


@dataclass(frozen=True)
class Vocabulary:
    """What can be referred to. A signal that could not be read is known by name only: it is one mistake, not many."""

    traits: frozenset[str]
    signals: Mapping[str, Signal] = field(default_factory=dict)
    """Those that could be read."""
    names: frozenset[str] = frozenset()
    """Of all signals."""
    derived: frozenset[str] = frozenset()
    """Signals that are worked out from others, from traits or from time."""

    def read_signal(self, place: Place) -> str | None:
        """The name of a signal."""
        name = place.text("the name of a signal")
        if name is None or name in self.names or not self.names:
            return name  # where all signals are missing, that is the one mistake
        place.mistake(f"unknown signal {name!r}", did_you_mean(name, self.names))
        return None

    def has_signal(self, place: Place, name: str) -> bool:
        """Report `name`, the key of `place`, unless it is a signal."""
        if name in self.names or not self.names:
            return True
        place.key_mistake(f"unknown signal {name!r}", did_you_mean(name, self.names))
        return False

    def read_reference(self, place: Place) -> Reference | None:
        """A signal that is made of events, or a numeric trait: `trait.seats`."""
        text = place.text("the name of a signal, or trait.<name>")
        if text is None:
            return None
        if text.startswith(TRAIT_PREFIX):
            name = self.numeric_trait(place, text.removeprefix(TRAIT_PREFIX))
            return None if name is None else Reference(name=name, is_trait=True)
        if text in self.traits and text not in self.names:
            place.mistake(f"unknown signal {text!r}", f"did you mean '{TRAIT_PREFIX}{text}'?")
            return None
        if text in self.derived:
            place.mistake(
                f"{text!r} is itself worked out from others", "name a signal that is made of events, or a trait"
            )
            return None
        if self.names and text not in self.names:
            place.mistake(f"unknown signal {text!r}", did_you_mean(text, self.names))
            return None
        return Reference(name=text, is_trait=False)

    def trait(self, place: Place, name: str, *, in_key: bool = False) -> str | None:
        """A trait that is known or declared. `in_key`: it is the key of `place`."""
        if name in self.traits:
            return name
        hint = did_you_mean(name, self.traits)
        if "did you mean" not in hint:
            hint = f"declare it: traits: {{names: {{{name}: {name}}}}}"
        (place.key_mistake if in_key else place.mistake)(f"unknown trait {name!r}", hint)
        return None

    def numeric_trait(self, place: Place, name: str) -> str | None:
        """A trait that can be a number."""
        if name == RENEWAL_DATE:
            place.mistake(f"the trait {name!r} is a date", "use a signal with aggregate: days_to_renewal")
            return None
        if name in _TEXTS:
            place.mistake(f"the trait {name!r} is text, not a number", did_you_mean("", ("seats", "mrr")))
            return None
        return self.trait(place, name)
