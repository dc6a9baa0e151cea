"""Policies for some of the accounts: the `profiles` of a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from yaml.nodes import MappingNode, ScalarNode

from kenko.model.errors import ModelError
from kenko.model.names import read_rule_name
from kenko.model.nodes import Place
from kenko.model.overlay import Overlay
from kenko.model.read_policy import POLICY_KEYS, read_policy
from kenko.model.read_when import read_when
from kenko.model.score_spec import Policy, Profile
from kenko.model.vocabulary import Vocabulary

NO_PROFILE = "none"
"""How a golden test says that no profile fits; no profile may be called so."""
_FIELDS = ("name", "when", "override")


class ProfileReader:
    """Reads each profile's policy from the model's own nodes with the override laid over them."""

    def __init__(self, base: Mapping[str, Place], known: Vocabulary, mistakes: Collection[ModelError]) -> None:
        """`base` holds the model's `POLICY_KEYS`; `mistakes` are those found in it, which are not repeated."""
        self._base = {key: base[key] for key in POLICY_KEYS if key in base}
        self._known = known
        self._found = {(mistake.line, mistake.column, mistake.path) for mistake in mistakes}

    def read(self, place: Place) -> tuple[Profile, ...]:
        """The profiles that could be read, in their order."""
        profiles: list[Profile] = []
        lines: dict[str, int] = {}
        for item in place.items("a list of profiles"):
            fields = item.fields(_FIELDS, required=_FIELDS) or {}
            name = read_rule_name(fields["name"], "profile", reserved=NO_PROFILE) if "name" in fields else None
            if name in lines:
                fields["name"].mistake(f"the profile {name!r} is here twice", f"the first is on line {lines[name]}")
            elif name is not None:
                lines[name] = fields["name"].node.start_mark.line + 1
            when = read_when(fields["when"], self._known) if "when" in fields else ()
            policy = self._read_override(fields["override"]) if "override" in fields else None
            if name is not None and policy is not None:
                profiles.append(Profile(name=name, when=when, policy=policy))
        return tuple(profiles)

    def _read_override(self, place: Place) -> Policy | None:
        keys = [(ScalarNode("tag:yaml.org,2002:str", key), base) for key, base in self._base.items()]
        root = MappingNode("tag:yaml.org,2002:map", [(key, base.node) for key, base in keys])
        overlay = Overlay(root, {path for _, _, path in self._found})
        overlay.lay(place, POLICY_KEYS)
        if not overlay.leaves or "score" not in self._base or "zones" not in self._base:
            return None
        mistakes: list[ModelError] = []
        merged = Place(overlay.root, "", mistakes).entries() or []
        policy = read_policy(dict(merged), self._known)
        for mistake in dict.fromkeys(self._place(mistakes, overlay, place)):
            place.mistakes.append(mistake)
        return policy

    def _place(self, mistakes: Sequence[ModelError], overlay: Overlay, override: Place) -> list[ModelError]:
        """Mistakes of the merged policy, said where the override brings them about."""
        placed: list[ModelError] = []
        for mistake in mistakes:
            if (mistake.line, mistake.column, mistake.path) in self._found:
                continue
            if _is_inside(mistake, override):
                placed.append(replace(mistake, path=f"{override.path}.{mistake.path}"))
                continue
            leaf = _nearest(mistake.path, overlay)
            mark = leaf.node.start_mark
            placed.append(replace(mistake, line=mark.line + 1, column=mark.column + 1, path=leaf.path))
        return placed


def _is_inside(mistake: ModelError, place: Place) -> bool:
    start, end = place.node.start_mark, place.node.end_mark
    return (start.line, start.column) <= (mistake.line - 1, mistake.column - 1) < (end.line, end.column)


def _nearest(path: str, overlay: Overlay) -> Place:
    """What was laid nearest to `path`: the longest way in common with it, the first of equals."""
    steps = [step.partition("[")[0] for step in path.split(".")]

    def shared(leaf: tuple[tuple[str, ...], Place]) -> int:
        pairs = zip(steps, leaf[0], strict=False)
        return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(steps), len(leaf[0])))

    return max(overlay.leaves, key=shared)[1]
