"""The two version hashes of a model: blake2b over canonical JSON (keys sorted, no white space)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from kenko.model import limits

_WORDS = ("labels", "unit")
"""Parts of a signal that are read by people and decide nothing."""


def canonical_hash(value: Any) -> str:
    """128 bits of blake2b, in hexadecimal, over the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _measured(signals: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: part for key, part in signal.items() if key not in _WORDS} for signal in signals]


def state_hash(signals: Iterable[Struct], lifecycle: Struct) -> str:
    """Hash of what the row layout and the stored signals depend on."""
    return canonical_hash(
        {
            "layout": limits.LAYOUT_VERSION,
            "signals": _measured(msgspec.to_builtins(list(signals))),
            "lifecycle": msgspec.to_builtins(lifecycle),
        }
    )


def score_hash(model: Struct) -> str:
    """Hash of everything that changes a result, with the default due budget."""
    plain: dict[str, Any] = msgspec.to_builtins(model)
    del plain["version"]
    plain["signals"] = _measured(plain["signals"])
    return canonical_hash(
        {
            "engine": limits.ENGINE_VERSION,
            "layout": limits.LAYOUT_VERSION,
            "due_budget": limits.DUE_BUDGET,
            "min_horizon_ms": limits.MIN_HORIZON_MS,
            "id_memory_ms": limits.ID_MEMORY_MS,
            "id_limit": limits.ID_LIMIT,
            "model": plain,
        }
    )


def with_due_budget(model_hash: str, due_budget: int) -> str:
    """The score hash of a fold that runs with another due budget than the default."""
    return model_hash if due_budget == limits.DUE_BUDGET else canonical_hash([model_hash, due_budget])
