"""Which letters are sent again, and how many are not, and why. Pure; holds no letter, however many there are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from kenko.cli.dlq.again import Known, Nothing, Refusal, again
from kenko.cli.dlq.letter import Letter, Place
from kenko.dialects.known_accounts import KnownAccounts
from kenko.stream.producer import OutRecord

SHOWN: Final = 5


@dataclass
class Few:
    """How many there are, and the first of them."""

    number: int = 0
    first: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, place: Place, why: str) -> None:
        self.number += 1
        if len(self.first) < SHOWN:
            self.first.append((place, why))


class Sorting:
    """Takes letters one after the other."""

    def __init__(self, known: Known, accounts: KnownAccounts | None = None) -> None:
        """`accounts`: where users were seen, for letters that name the user alone; it learns from letters that name both."""
        self._known = known
        self._accounts = KnownAccounts() if accounts is None else accounts
        self._seen: set[bytes] = set()
        self.taken = 0
        """Records to be sent."""
        self.repeats = 0
        """Letters of the same record as an earlier one: it came back, and is sent once."""
        self.still_bad = Few()
        """Of those taken: what will come back as a dead letter."""
        self.refused = Few()
        self.unattributed = 0
        """Of those refused: nobody can tell which account they are about."""
        self.nothing = 0
        """Letters that are good now, and say nothing of use or of an account."""

    def take(self, letter: Letter) -> OutRecord | None:
        """The record to send for `letter`; None if there is none."""
        same = _digest(letter)
        if same in self._seen:
            self.repeats += 1
            return None
        self._seen.add(same)
        found = again(letter, self._known, self._accounts)
        if isinstance(found, Refusal):
            self.refused.add(letter.place, found.why)
            self.unattributed += found.unattributed
            return None
        if isinstance(found, Nothing):
            self.nothing += 1
            return None
        self.taken += 1
        if found.still_bad is not None:
            self.still_bad.add(letter.place, found.still_bad)
        return found.record


def _digest(letter: Letter) -> bytes:
    """The same for letters of the same record. What never reached a topic does not come back as a letter: two that look
    alike are two calls, or two tries of one, which its id tells apart better.
    """
    parts = (letter.error.topic, letter.key, letter.value, letter.headers)
    came = letter.place if letter.error.topic is None else None
    return hashlib.blake2b(repr((parts, came)).encode(), digest_size=16).digest()
