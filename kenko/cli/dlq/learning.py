"""In which accounts users were seen, out of the events of the log: for dead letters that name the user alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from kenko.cli.dlq.again import Known
from kenko.cli.dlq.letter import Letter
from kenko.cli.dlq.sorting import Sorting
from kenko.dialects.cloudevents import decode_record
from kenko.dialects.known_accounts import MOST_USERS, KnownAccounts
from kenko.dialects.record import InvalidRecord
from kenko.runtime.settings import Settings
from kenko.stream.browser import Bounds, TopicBrowser
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

User = tuple[str, str]
"""A source and the id of a person in it."""


class Asking(KnownAccounts):
    """Knows what it is told, and remembers which users it was asked for in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.in_vain: set[User] = set()

    def of(self, source: str, user: str) -> str | None:
        account = super().of(source, user)
        if account is None:
            self.in_vain.add((source, user))
        return account


class Sightings:
    """Where each of these users was seen last, by the log's time. Pure; holds no user that nobody asks for."""

    def __init__(self, users: set[User]) -> None:
        self._users = users
        self._seen: dict[User, tuple[int, str]] = {}

    def see(self, event: UsageEvent, at_ms: int) -> None:
        """An event that stands in the log since `at_ms`. Partitions may be read in any order."""
        user = (event.source, event.user_id or "")
        if user in self._users and at_ms >= self._seen.get(user, (at_ms, ""))[0]:
            self._seen[user] = (at_ms, event.account_id)

    def accounts(self) -> KnownAccounts:
        """What was seen, as the dialects ask for it."""
        known = KnownAccounts(most=MOST_USERS + len(self._users))
        for (source, user), (_, account) in self._seen.items():
            known.note(source, user, account)
        return known

    @property
    def found(self) -> int:
        """How many of the users were seen in an account."""
        return len(self._seen)


class Learnt(NamedTuple):
    """What the log said."""

    accounts: KnownAccounts
    asked: int
    """Users that letters name without an account."""
    found: int
    """Of these."""


async def learn(settings: Settings, letters: AsyncIterator[Letter], known: Known, since_ms: int) -> Learnt:
    """Read which users `letters` need, and then the events since `since_ms` for them. Reads only.

    Raises:
        TransientError, PermanentError, ConfigurationError: as TopicBrowser.
    """
    asking = Asking()
    sorting = Sorting(known, asking)
    async for letter in letters:
        sorting.take(letter)
    sightings = Sightings(asking.in_vain)
    if asking.in_vain:
        await _look(settings, since_ms, sightings)
    return Learnt(sightings.accounts(), len(asking.in_vain), sightings.found)


async def _look(settings: Settings, since_ms: int, sightings: Sightings) -> None:
    async with TopicBrowser(settings, settings.topic(Topic.USAGE_EVENTS)) as browser:
        starts = await browser.offsets_at(since_ms)
        bounds = {p: Bounds(max(starts[p], start), end) for p, (start, end) in (await browser.bounds()).items()}
        async for record in browser.read(bounds):
            try:
                content = decode_record(record.key, record.value, record.headers, record.timestamp)
            except InvalidRecord:  # the scorer puts it among the dead letters: it says nothing of a user
                continue
            if isinstance(content, UsageEvent):
                sightings.see(content, record.timestamp)
