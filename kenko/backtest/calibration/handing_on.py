"""How much more the others count where an input has no data, as the engine hands weights on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kenko.backtest.calibration.samples import Flags, Numbers


def multipliers(is_present: Flags, groups: Sequence[str], weights: Numbers) -> Numbers:
    """By sample and input: its share of the score over the share it has when every input has data.

    0 for an absent one. An absent input's weight goes to the others of its group, an absent group's to the other groups.

    Args:
        is_present: by sample and input.
        groups: the group of each input.
        weights: of each input, in shares of the whole score; above 0.
    """
    names = sorted(set(groups))
    member = np.array([[group == name for name in names] for group in groups], dtype=float)
    of_group = weights @ member
    inside = (is_present * weights) @ member
    total = (inside > 0) @ of_group
    with np.errstate(divide="ignore", invalid="ignore"):
        raised = np.where(inside > 0, of_group / inside, 0.0) * (weights.sum() / total)[:, None]
    result: Numbers = np.nan_to_num(is_present * (raised @ member.T), posinf=0.0)
    return result
