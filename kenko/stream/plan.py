"""What a runner is told once: its partition, its topics, its limits."""

from __future__ import annotations

from dataclasses import dataclass

from kenko.engine.source_rhythm import USUAL, SourceRhythm
from kenko.model.limits import DUE_BUDGET
from kenko.store.port import MAX_ROWS_A_COMMIT


@dataclass(frozen=True, kw_only=True)
class RunnerPlan:
    """One partition's share of the configuration. Topic names are real ones, with their prefix."""

    partition: int
    partitions: int
    """Of the topic: a key belongs to one of them."""
    topic: str
    transitions_topic: str
    scores_topic: str
    dead_letters_topic: str
    log_id: str
    """Identity of the log, see `topics.log_id`."""
    app: str = "scorer"
    """Who gives a record up: stands in its dead letter."""
    copies_ticks: bool = False
    """`time: log`: ticks are copied to the transitions topic, where the alerter reads the time from."""
    due_budget: int = DUE_BUDGET
    """Accounts evaluated at one tick, at most. Part of the score hash: it decides at which tick an account is scored."""
    max_rows: int = 200_000
    """Rows kept in memory, at most; the least recently used go."""
    commit_every: int = 20_000
    """Records applied while catching up before a commit comes, at most."""
    idle_commit_s: float = 2.0
    """Seconds without a record after which what is applied is committed, tick or not, and the store is looked at."""
    queue_high: int = 32
    """Batches waiting at which the partition is held back."""
    queue_low: int = 8
    """Batches waiting at which it is let go again."""

    rhythm: SourceRhythm = USUAL
    """How finely is kept when sources were heard."""

    def __post_init__(self) -> None:
        if not 0 < self.due_budget < MAX_ROWS_A_COMMIT:
            raise ValueError(f"due_budget must be below {MAX_ROWS_A_COMMIT}: a tick's rows go into one commit")
