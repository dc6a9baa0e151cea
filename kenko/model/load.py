"""Load a health model: text in, a frozen model out, or every mistake at once."""

from __future__ import annotations

import yaml
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from kenko.model.errors import ModelError, ModelErrors
from kenko.model.names import read_model_name
from kenko.model.nodes import Place, compose
from kenko.model.read_score import ScoreReader
from kenko.model.read_signals import read_signals
from kenko.model.read_zones import read_lifecycle, read_zones
from kenko.model.spec import HealthModel, Lifecycle

API_VERSION = "kenko/v1"
KIND = "HealthModel"
MOST_CHARACTERS = 1_000_000

_REQUIRED = ("apiVersion", "kind", "metadata", "signals", "score", "zones")


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
    fields = root.fields((*_REQUIRED, "lifecycle"), required=_REQUIRED)
    if fields is None:
        return None
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if key in fields and (found := fields[key].text()) not in (None, wanted):
            fields[key].mistake(f"expected {wanted!r}, found {found!r}")
    name, version = _read_metadata(fields["metadata"]) if "metadata" in fields else (None, None)
    signals, names = read_signals(fields["signals"]) if "signals" in fields else ((), frozenset[str]())
    reader = ScoreReader({signal.name: signal for signal in signals}, names)
    groups, caps, grace_ms = reader.read(fields["score"]) if "score" in fields else ((), (), 0)
    zones = read_zones(fields["zones"]) if "zones" in fields else None
    lifecycle = read_lifecycle(fields["lifecycle"]) if "lifecycle" in fields else Lifecycle()
    if name is None or version is None or zones is None:
        return None
    return HealthModel(
        name=name,
        version=version,
        signals=signals,
        groups=groups,
        caps=caps,
        new_account_grace_ms=grace_ms,
        zones=zones,
        lifecycle=lifecycle,
    )


def _read_metadata(place: Place) -> tuple[str | None, int | None]:
    fields = place.fields(("name", "version", "description"), required=("name", "version")) or {}
    if "description" in fields:
        fields["description"].text()
    name = read_model_name(fields["name"]) if "name" in fields else None
    version = fields["version"].number("a whole number") if "version" in fields else None
    if version is not None and (version < 1 or not version.is_integer()):
        fields["version"].mistake("a version is a whole number from 1")
        return name, None
    return name, None if version is None else int(version)
