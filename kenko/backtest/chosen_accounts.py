"""Which accounts a back-test looks at: all, those of a list, or a share of them that a seed chooses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

from kenko.backtest.event_file import EventFileError
from kenko.backtest.labels import Label, Labels
from kenko.backtest.open_text import open_text


def sample_accounts(accounts: Iterable[str], share: float, seed: int) -> set[str]:
    """A share of the accounts: the same for the same accounts, share and seed, in whatever order they come."""
    ordered = sorted(accounts)
    random = Random(seed)  # noqa: S311 - a sample, not a secret
    return set(random.sample(ordered, round(share * len(ordered))))


def read_accounts(path: Path) -> set[str]:
    """Account ids, one a line; of a CSV the first column, with `account_id` as its heading or none.

    Raises:
        EventFileError: no such file, or it holds no account.
    """
    with open_text(path) as file:
        found = {line.split(",")[0].strip() for line in file} - {"", "account_id"}
    if not found:
        raise EventFileError(f"{path}: holds no account")
    return found


def keep(labels: Labels, wanted: Iterable[str]) -> dict[str, Label]:
    """The labels of those accounts, in their order."""
    chosen = set(wanted)
    return {account_id: label for account_id, label in labels.items() if account_id in chosen}
