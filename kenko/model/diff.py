"""What changes from one model to another, in words, and what the change costs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from kenko.model.describe import describe, describe_words
from kenko.model.spec import HealthModel
from kenko.model.words import Words
from kenko.model.words_policy import Parts


class Cost(StrEnum):
    """What the running system does when the model changes, by its hashes."""

    NOTHING = "nothing"
    """The same model."""
    WORDS = "words"
    """No score changes."""
    RESCORE = "rescore"
    """Another score hash: accounts are scored again from their stored state."""
    REBUILD = "rebuild"
    """Another state hash: the state is rebuilt from the log, into a keyspace of its own."""


class Change(NamedTuple):
    """One part that is new, gone or different."""

    heading: str
    """Key of the heading it stands under (see `phrases`)."""
    name: str
    before: str | None
    """In words; None: it is new."""
    after: str | None
    """None: it is gone."""

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.name}: {self.after}"
        if self.after is None:
            return f"- {self.name}: {self.before}"
        return f"~ {self.name}: {self.before} -> {self.after}"


class ModelDiff(NamedTuple):
    """What changes, and what it costs."""

    changes: tuple[Change, ...]
    """What decides results."""
    wording: tuple[Change, ...]
    """What only people read, and the model's own tests."""
    cost: Cost


def diff_models(before: HealthModel, after: HealthModel) -> ModelDiff:
    """From `before` to `after`, in English and by the names that stand in the files."""
    words = Words()
    changes = tuple(_changes(describe(before, words), describe(after, words)))
    wording = tuple(_changes(describe_words(before), describe_words(after)))
    return ModelDiff(changes, wording, _cost(before, after))


def _cost(before: HealthModel, after: HealthModel) -> Cost:
    if before.state_hash != after.state_hash:
        return Cost.REBUILD
    if before.score_hash != after.score_hash:
        return Cost.RESCORE
    return Cost.NOTHING if before == after else Cost.WORDS


def _changes(before: dict[str, Parts], after: dict[str, Parts]) -> Iterator[Change]:
    for heading, old in before.items():
        new = after[heading]
        for name in dict.fromkeys((*old, *new)):
            if old.get(name) != new.get(name):
                yield Change(heading, name, old.get(name), new.get(name))
