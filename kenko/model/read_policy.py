"""All that turns measured values into a score, a zone and rules: `score`, `zones` and `rules` together."""

from __future__ import annotations

from collections.abc import Mapping

from kenko.model.nodes import Place
from kenko.model.read_rules import read_rules
from kenko.model.read_score import ScoreParts, ScoreReader
from kenko.model.read_zones import read_zones
from kenko.model.score_spec import Policy
from kenko.model.vocabulary import Vocabulary

POLICY_KEYS = ("score", "zones", "rules")
"""What a profile can change."""


def read_policy(fields: Mapping[str, Place], known: Vocabulary) -> Policy | None:
    """The policy, or None where it has no zones; mistakes are reported. `fields` holds `POLICY_KEYS`, where given."""
    score = ScoreReader(known).read(fields["score"]) if "score" in fields else ScoreParts()
    zones = read_zones(fields["zones"]) if "zones" in fields else None
    rules = read_rules(fields["rules"], known) if "rules" in fields else ()
    if zones is None:
        return None
    return Policy(groups=score.groups, caps=score.caps, new_account_grace_ms=score.grace_ms, zones=zones, rules=rules)
