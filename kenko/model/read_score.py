"""How signals become a score: the `score` of a model."""

from __future__ import annotations

from dataclasses import dataclass

from kenko.model.names import check_name
from kenko.model.nodes import Place
from kenko.model.read_curves import read_curve
from kenko.model.read_tests import COMPARISONS, compare
from kenko.model.score_spec import Cap, Group, Input, Missing
from kenko.model.signal_spec import Recency
from kenko.model.vocabulary import Vocabulary
from schemas.health import CAP_GROUP, OVERRIDE_GROUP

_MISSING = tuple(policy.value for policy in Missing)
_LARGEST_WEIGHT = 1_000_000
_LARGEST_SCALE = 1_000_000
_RESERVED = {CAP_GROUP: "what caps take away", OVERRIDE_GROUP: "what a person adds or takes away"}


@dataclass(frozen=True)
class ScoreParts:
    """What stands under `score`."""

    groups: tuple[Group, ...] = ()
    caps: tuple[Cap, ...] = ()
    grace_ms: int = 0


class ScoreReader:
    """Reads groups and caps against the signals and traits of the model."""

    def __init__(self, known: Vocabulary) -> None:
        self._known = known

    def read(self, place: Place) -> ScoreParts:
        """Groups, caps and grace, as far as they could be read."""
        fields = place.fields(("groups", "missing", "caps", "new_account_grace"), required=("groups",)) or {}
        missing = _read_missing(fields.get("missing"), Missing.REDISTRIBUTE)
        groups: list[Group] = []
        entries = (fields["groups"].entries("a mapping of groups") or []) if "groups" in fields else []
        if "groups" in fields and not entries and fields["groups"].is_mapping:
            fields["groups"].mistake("a score needs at least one group")
        for name, entry in entries:
            groups += self._read_group(name, entry, missing)
        caps = [cap for item in fields["caps"].items() for cap in self._read_cap(item)] if "caps" in fields else []
        grace = fields["new_account_grace"].duration() if "new_account_grace" in fields else 0
        return ScoreParts(tuple(groups), tuple(caps), grace or 0)

    def _read_group(self, name: str, place: Place, missing: Missing) -> list[Group]:
        check_name(place, name, "group")
        if name in _RESERVED:
            place.key_mistake(f"{name!r} is the name of {_RESERVED[name]}", "name the group otherwise")
        fields = place.fields(("weight", "inputs"), required=("weight", "inputs"))
        if not fields:
            return []
        weight = _read_weight(fields["weight"]) if "weight" in fields else None
        inputs: list[Input] = []
        if "inputs" in fields:
            seen: set[str] = set()
            for item in fields["inputs"].items("a list of inputs"):
                inputs += self._read_input(item, missing, seen)
            if fields["inputs"].is_list and not fields["inputs"].node.value:
                fields["inputs"].mistake("a group needs at least one input")
        return [Group(name=name, weight=weight or 1, inputs=tuple(inputs))]

    def _read_input(self, place: Place, missing: Missing, seen: set[str]) -> list[Input]:
        known = ("signal", "weight", "curve", "missing", "per", "scale")
        fields = place.fields(known, required=("signal", "curve"))
        if not fields:
            return []
        name = self._known.read_signal(fields["signal"]) if "signal" in fields else None
        if name is not None and name in seen:
            fields["signal"].mistake(f"{name!r} is in this group twice")
        seen.add(name or "")
        weight = _read_weight(fields["weight"]) if "weight" in fields else 1.0
        curve = read_curve(fields["curve"], self._is_recency(name)) if "curve" in fields else None
        policy = _read_missing(fields.get("missing"), missing)
        per = self._known.read_reference(fields["per"]) if "per" in fields else None
        scale = _read_scale(fields["scale"], has_per="per" in fields) if "scale" in fields else 1.0
        if name is None or curve is None or weight is None:
            return []
        return [Input(signal=name, weight=weight, curve=curve, missing=policy, per=per, scale=scale)]

    def _is_recency(self, name: str | None) -> bool | None:
        """None where the signal is not known well enough to say."""
        signal = self._known.signals.get(name or "")
        return None if signal is None else isinstance(signal.aggregate, Recency)

    def _read_cap(self, place: Place) -> list[Cap]:
        fields = place.fields(("when", "at_most"), required=("when", "at_most")) or {}
        at_most = fields["at_most"].number_within(0, 100) if "at_most" in fields else None
        when = fields["when"].fields(("signal", *COMPARISONS), required=("signal",)) if "when" in fields else None
        if when is None:
            return []
        name = self._known.read_signal(when.pop("signal")) if "signal" in when else None
        compared = compare(when)
        if not when and len(fields["when"].node.value) <= 1:
            fields["when"].mistake("needs a comparison", "for example {signal: nps, lte: 3}")
        if name is None or at_most is None or not compared:
            return []
        return [Cap(signal=name, tests=compared, at_most=at_most)]


def _read_weight(place: Place) -> float | None:
    weight = place.number("a weight")
    if weight is None:
        return None
    if not 0 < weight <= _LARGEST_WEIGHT:
        place.mistake(f"a weight is above 0 and at most {_LARGEST_WEIGHT:,}, found {weight:g}")
        return None
    return weight


def _read_scale(place: Place, *, has_per: bool) -> float:
    if not has_per:
        place.key_mistake("'scale' goes with 'per'", "for example per: trait.seats, scale: 100")
    scale = place.number()
    if scale is not None and not 0 < scale <= _LARGEST_SCALE:
        place.mistake(f"a scale is above 0 and at most {_LARGEST_SCALE:,}, found {scale:g}")
        return 1.0
    return 1.0 if scale is None else scale


def _read_missing(place: Place | None, default: Missing) -> Missing:
    word = place.one_of(_MISSING) if place is not None else None
    return default if word is None else Missing(word)
