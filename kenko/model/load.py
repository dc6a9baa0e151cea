"""Load a health model: text in, a frozen model out, or every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from kenko.model.errors import ModelError, ModelErrors
from kenko.model.names import read_model_name
from kenko.model.nodes import Place, compose
from kenko.model.read_calibration import read_calibration
from kenko.model.read_golden import GoldenReader
from kenko.model.read_lifecycle import read_lifecycle
from kenko.model.read_policy import read_policy
from kenko.model.read_profiles import ProfileReader
from kenko.model.read_signals import read_signals
from kenko.model.read_traits import read_traits
from kenko.model.score_spec import Policy, Profile
from kenko.model.spec import KNOWN_TRAITS, HealthModel, Lifecycle, Traits
from kenko.model.vocabulary import Vocabulary

API_VERSION = "kenko/v1"
KIND = "HealthModel"
MOST_CHARACTERS = 1_000_000

_REQUIRED = ("apiVersion", "kind", "metadata", "signals", "score", "zones")
_OPTIONAL = ("lifecycle", "traits", "rules", "profiles", "calibration", "tests")


def load_model(text: str, *, name: str = "<model>") -> HealthModel:
    """The model in `text`, YAML or JSON. `name` says in messages where the text came from.

    Raises ModelErrors with every mistake, each with its line, column, path and, where there is one, a hint.
    """
    mistakes: list[ModelError] = []
    model = _read_model(Place(_compose(text, name), "", mistakes))
    if mistakes or model is None:
        raise ModelErrors(name, mistakes)
    return model


def _compose(text: str, name: str) -> yaml.Node:
    if len(text) > MOST_CHARACTERS:
        raise ModelErrors(name, [ModelError(1, 1, "", f"the text is longer than {MOST_CHARACTERS:,} characters")])
    try:
        node = compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ModelErrors(
            name, [ModelError(line, column, "", f"not YAML: {error.problem or error.context}")]
        ) from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
        raise ModelErrors(name, [ModelError(line, column, "", f"not YAML: {error.reason}")]) from error
    except RecursionError as error:
        raise ModelErrors(name, [ModelError(1, 1, "", "the text is nested too deeply")]) from error
    if node is None:
        raise ModelErrors(name, [ModelError(1, 1, "", "the text is empty")])
    return node


def _read_model(root: Place) -> HealthModel | None:
    fields = root.fields((*_REQUIRED, *_OPTIONAL), required=_REQUIRED)
    if fields is None:
        return None
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if key in fields and (found := fields[key].text()) not in (None, wanted):
            fields[key].mistake(f"expected {wanted!r}, found {found!r}")
    head = _read_metadata(fields["metadata"]) if "metadata" in fields else None
    facts = _read_facts(fields)
    known = read_signals(fields["signals"], facts.names) if "signals" in fields else Vocabulary(facts.names)
    base = read_policy(fields, known)
    profiles = ProfileReader(fields, known, root.mistakes).read(fields["profiles"]) if "profiles" in fields else ()
    calibration = read_calibration(fields["calibration"]) if "calibration" in fields else None
    tests = _golden_reader(base, profiles, root).read(fields["tests"]) if "tests" in fields else ()
    if head is None or base is None:
        return None
    return HealthModel(
        name=head.name,
        version=head.version,
        description=head.description,
        signals=tuple(sorted(known.signals.values(), key=lambda signal: signal.name)),
        base=base,
        profiles=profiles,
        lifecycle=facts.lifecycle,
        traits=facts.traits,
        calibration=calibration,
        tests=tests,
    )


@dataclass(frozen=True)
class _Facts:
    """What the model says of contracts and traits."""

    lifecycle: Lifecycle
    traits: Traits
    names: frozenset[str]
    """Traits that can be referred to."""


def _read_facts(fields: Mapping[str, Place]) -> _Facts:
    lifecycle = read_lifecycle(fields["lifecycle"]) if "lifecycle" in fields else Lifecycle()
    if "traits" not in fields:
        return _Facts(lifecycle, Traits(), frozenset(KNOWN_TRAITS))
    traits, names = read_traits(fields["traits"], lifecycle)
    return _Facts(lifecycle, traits, names)


def _golden_reader(base: Policy | None, profiles: Sequence[Profile], root: Place) -> GoldenReader:
    """Where a rule or a profile could not be read, a test that names it is not one more mistake."""
    if base is None or any(mistake.path.startswith(("rules", "profiles")) for mistake in root.mistakes):
        return GoldenReader(None, None)
    policies = (base, *(profile.policy for profile in profiles))
    rules = {rule.name for policy in policies for rule in policy.rules}
    return GoldenReader(rules, [profile.name for profile in profiles])


@dataclass(frozen=True)
class _Head:
    """The metadata."""

    name: str
    version: int
    description: str


def _read_metadata(place: Place) -> _Head | None:
    fields = place.fields(("name", "version", "description"), required=("name", "version")) or {}
    description = fields["description"].text() if "description" in fields else None
    name = read_model_name(fields["name"]) if "name" in fields else None
    version = fields["version"].number("a whole number") if "version" in fields else None
    if version is not None and (version < 1 or not version.is_integer()):
        fields["version"].mistake("a version is a whole number from 1")
        return None
    if name is None or version is None:
        return None
    return _Head(name, int(version), description or "")
