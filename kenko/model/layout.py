"""Layout: what the rows of a keyspace hold, kept beside them, so that another model's scorer can read them.

Two cells hold the same if their signals are defined alike: name, words and order play no part, nor does what only reads
the cell (curves, the horizon of the model).
"""

from __future__ import annotations

from functools import cached_property

import msgspec
from msgspec import Struct

from kenko.model import limits
from kenko.model.hashes import canonical_hash, without_words
from kenko.model.signal_spec import Signal
from kenko.model.spec import HealthModel, Lifecycle, Traits


class Layout(Struct, frozen=True, dict=True):
    """Of one state hash."""

    version: int
    """`limits.LAYOUT_VERSION` of whoever wrote the rows."""
    stored: tuple[Signal, ...]
    """The signals with a cell, in the order of their cells."""
    spans: tuple[int | None, ...]
    """How far back each is kept, in milliseconds."""
    lifecycle: Lifecycle
    traits: Traits
    trait_names: tuple[str, ...]
    follows_rhythm: bool

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """A hash of what each cell holds."""
        return tuple(self._cell(signal, span) for signal, span in zip(self.stored, self.spans, strict=True))

    @property
    def roles(self) -> tuple[tuple[str, ...], ...]:
        """Which events tell of contracts and traits: they decide what the times of a row mean."""
        life = self.lifecycle
        return (life.started, life.renewed, life.upgraded, life.downgraded, life.ended, self.traits.events)

    @property
    def facts(self) -> tuple[object, ...]:
        """Which traits a row keeps, and where they come from."""
        return (self.roles, self.traits.aliases, self.trait_names)

    def _cell(self, signal: Signal, span: int | None) -> str:
        plain = without_words(msgspec.to_builtins(signal))
        del plain["name"]
        match = signal.match
        # A wildcard passes over events that only tell traits.
        telling = self.traits.events if match is not None and (match.events is None or match.prefixes) else ()
        return canonical_hash([plain, span, sorted(telling)])


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Layout)


def layout_of(model: HealthModel) -> Layout:
    """What the rows of this model hold."""
    return Layout(
        version=limits.LAYOUT_VERSION,
        stored=model.stored,
        spans=tuple(model.span_ms(signal) for signal in model.stored),
        lifecycle=model.lifecycle,
        traits=model.traits,
        trait_names=model.trait_names,
        follows_rhythm=model.follows_rhythm,
    )


def encode_layout(layout: Layout) -> bytes:
    """As it is kept beside the rows."""
    return _ENCODER.encode(layout)


def read_layout(stored: bytes | None) -> Layout | None:
    """The layout of rows that this version can read; None for rows of another one, or from before layouts were kept."""
    if stored is None:
        return None
    try:
        layout = _DECODER.decode(stored)
    except msgspec.DecodeError:  # ValidationError is one: a later version's signals
        return None
    return layout if layout.version == limits.LAYOUT_VERSION else None
