"""Whether to go on with this Redis: what is unsafe is refused, what is not known is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kenko.runtime.errors import ConfigurationError
from kenko.store.checks import Finding, Severity

WAY_ROUND: Final = "KENKO_DANGEROUS_ALLOW_UNSAFE_REDIS"


def refuse_unsafe(findings: Sequence[Finding], *, allowed: bool) -> None:
    """Whoever keeps state in a Redis with these findings calls it before the first write.

    Raises:
        ConfigurationError: some are unsafe, and that is not `allowed`: all of them, one a line, each with its mend.
    """
    unsafe = [finding for finding in findings if finding.severity is Severity.UNSAFE]
    if unsafe and not allowed:
        raise ConfigurationError(
            "\n".join(f"  KENKO_REDIS_URL: {finding}" for finding in unsafe)
            + f"\nState can get lost there. For a trial: {WAY_ROUND}=true."
        )
