"""Which account a user was last seen in: for events that name the user alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

MOST_USERS: Final = 200_000


class KnownAccounts:
    """The users seen last, by source. Bounded: the one that was not asked for longest is forgotten first.

    Kept in memory only: after a restart it is learnt anew from the events that name both.
    """

    def __init__(self, most: int = MOST_USERS) -> None:
        self._most = most
        self._account_of: OrderedDict[tuple[str, str], str] = OrderedDict()

    def note(self, source: str, user: str, account: str) -> None:
        """`user` was seen in `account`."""
        self._account_of[source, user] = account
        self._account_of.move_to_end((source, user))
        if len(self._account_of) > self._most:
            self._account_of.popitem(last=False)

    def of(self, source: str, user: str) -> str | None:
        """The account that `user` was last seen in, if it is known."""
        account = self._account_of.get((source, user))
        if account is not None:
            self._account_of.move_to_end((source, user))
        return account

    def join(self, source: str, users: Iterable[str | None], account: str | None) -> None:
        """These ids are of one person, who was seen in `account`, or else where one of them was seen last."""
        ids = [user for user in users if user is not None]
        if account is None:
            account = next((known for user in ids if (known := self.of(source, user)) is not None), None)
        if account is not None:
            for user in ids:
                self.note(source, user, account)
