"""The two version hashes of a model: blake2b over canonical JSON (keys sorted, no white space)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kenko.model import limits

_WORDS = frozenset({"labels", "unit"})
"""Parts that are read by people and decide nothing."""
_NO_RESULT = ("version", "description", "tests")


def canonical_hash(value: Any) -> str:
    """128 bits of blake2b, in hexadecimal, over the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def without_words(value: Any) -> Any:
    """`value` without what only people read."""
    if isinstance(value, dict):
        return {key: without_words(part) for key, part in value.items() if key not in _WORDS}
    if isinstance(value, list | tuple):
        return [without_words(part) for part in value]
    return value


def state_hash(  # noqa: PLR0913 - the parts of a model, which this module does not know as a whole
    stored: Sequence[Struct],
    spans: Sequence[int | None],
    *,
    lifecycle: Struct,
    traits: Struct,
    trait_names: Sequence[str],
    follows_rhythm: bool,
) -> str:
    """Hash of what the row layout and the stored signals depend on.

    Args:
        stored: the signals with an accumulator, in the order of their cells.
        spans: how far back each is kept, in milliseconds; None where there is no window.
        lifecycle: as every event of it is told from use.
        traits: where facts come from.
        trait_names: those that are kept.
        follows_rhythm: whether days of use are remembered.
    """
    return canonical_hash(
        {
            "layout": limits.LAYOUT_VERSION,
            "signals": without_words(msgspec.to_builtins(list(stored))),
            "spans": list(spans),
            "lifecycle": msgspec.to_builtins(lifecycle),
            "traits": msgspec.to_builtins(traits),
            "trait_names": list(trait_names),
            "rhythm": follows_rhythm,
        }
    )


def score_hash(model: Struct) -> str:
    """Hash of everything that changes a result, with the default due budget."""
    plain: dict[str, Any] = msgspec.to_builtins(model)
    for key in _NO_RESULT:
        del plain[key]
    return canonical_hash(
        {
            "engine": limits.ENGINE_VERSION,
            "layout": limits.LAYOUT_VERSION,
            "due_budget": limits.DUE_BUDGET,
            "min_horizon_ms": limits.MIN_HORIZON_MS,
            "id_memory_ms": limits.ID_MEMORY_MS,
            "id_grain_ms": limits.ID_GRAIN_MS,
            "id_limit": limits.ID_LIMIT,
            "model": without_words(plain),
        }
    )


def with_due_budget(model_hash: str, due_budget: int) -> str:
    """The score hash of a fold that runs with another due budget than the default."""
    return model_hash if due_budget == limits.DUE_BUDGET else canonical_hash([model_hash, due_budget])
