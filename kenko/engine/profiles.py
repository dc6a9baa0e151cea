"""Which policy is for an account: that of the first profile that fits, else the base."""

from __future__ import annotations

from kenko.engine.comparing import value_test
from kenko.engine.state import AccountState
from kenko.engine.traits import LIFECYCLE, TraitRules
from kenko.model.spec import HealthModel


class Profiles:
    """The profiles of a model, in their order."""

    def __init__(self, model: HealthModel, traits: TraitRules) -> None:
        self._traits = traits
        self._tests = [[(test.property, value_test(test)) for test in profile.when] for profile in model.profiles]
        self._by_phase = any(test.property == LIFECYCLE for profile in model.profiles for test in profile.when) or any(
            test.property == LIFECYCLE for policy in model.policies for rule in policy.rules for test in rule.when
        )

    def choose(self, state: AccountState, now_ms: int) -> tuple[int, int | None]:
        """The place of the policy among the model's, and when passing time alone can change the choice."""
        if not self._by_phase and not self._tests:
            return 0, None
        phase, change_ms = self._traits.phase(state, now_ms) if self._by_phase else (None, None)
        of = self._traits.of
        for number, tests in enumerate(self._tests, start=1):
            for name, fits in tests:
                if not fits(phase if name == LIFECYCLE else of(state, name, now_ms)):
                    break
            else:
                return number, change_ms
        return 0, change_ms
