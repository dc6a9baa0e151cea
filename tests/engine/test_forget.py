"""A forgotten account has no state, gets none, and costs no other account its turn."""

from __future__ import annotations

import pytest

from kenko.engine.identity import account_digest
from kenko.engine.partition import Outcome, PartitionFold
from kenko.store.memory_partition import Interruption
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.forget import Forget
from schemas.override import Override

HOUR_MS = 3_600_000


@pytest.fixture
def forget(start):
    def make(account="acme", at=start, id_="f"):
        return Forget(id=id_, account_id=account, time=from_ms(at), author="sato")

    return make


@pytest.fixture
def fold(small, start):
    fold = PartitionFold(small, partition=3)
    fold.adopt({"acme": None, "other": None})
    fold.tick(0, start, None)
    return fold


def test_what_comes_later_is_dropped_and_counted(fold, event, forget, start):
    fold.apply(1, event(id_="a"))
    fold.apply(2, event(id_="b", account="other"))
    fold.forget(forget())
    late = AccountTraits(id="t", account_id="acme", time=from_ms(start), traits={"seats": 3})
    told = Override(id="o", account_id="acme", time=from_ms(start), score=1, reason="r", author="a")

    outcomes = [
        fold.apply(4, event(id_="c")),
        fold.apply(5, event(id_="a")),  # no duplicate: its id is forgotten too
        fold.apply(6, event(id_="old", at=0)),  # nor too late
        fold.amend(7, late),
        fold.amend(8, told),
        fold.apply(9, event(id_="d", account="other")),
    ]

    assert outcomes == [Outcome.FORGOTTEN] * 5 + [Outcome.APPLIED]
    assert dict(fold.counts) == {"applied": 4, "forgotten": 5, "ticks": 1}
    assert [row.account_id for row in fold.drain()] == ["other"]
    assert fold.drain_erased() == {"acme": account_digest("acme")}
    assert fold.drain_erased() == {}, "each commit erases once"


def test_it_spends_nothing_of_a_ticks_budget(small, event, forget, start):
    fold = PartitionFold(small, partition=3, due_budget=1)
    fold.adopt({"acme": None, "other": None})
    fold.tick(0, start, None)
    fold.apply(1, event(account="acme"))
    fold.apply(2, event(account="other"))
    fold.forget(forget())
    fold.tick(4, start, None)

    stored = [(0, "acme"), (0, "other")]
    assert fold.select_due(stored) == ["other"]
    assert fold.changed_count() == 2, "so much more is asked of the store's index"


def test_a_fold_that_begins_anew_knows_whom_it_forgot(small, event, forget):
    fold = PartitionFold(small, partition=3, forgotten=[account_digest("acme")])
    fold.adopt({"acme": None, "other": None})
    assert fold.apply(0, event()) is Outcome.FORGOTTEN
    assert fold.apply(1, event(account="other")) is Outcome.APPLIED
    fold.forget(forget())
    assert fold.drain_erased() == {"acme": account_digest("acme")}, "it may stand where a commit stopped half way"


def test_a_digest_is_of_one_account_and_holds_nothing_of_its_id():
    accounts = ["acme", "acme ", "ACME", "健康", "a" * 200]
    digests = {account_digest(account) for account in accounts}
    assert len(digests) == len(accounts)
    assert {len(digest) for digest in digests} == {16}


def story(event, forget, start):
    """Two accounts, scored now and then; one is forgotten in between and goes on sending."""
    log = []
    for hour in range(0, 400, 20):
        at = start + hour * HOUR_MS
        log += [event(id_=f"a{hour}", at=at), event(id_=f"b{hour}", account="other", at=at), at + HOUR_MS]
        if hour == 200:
            log.append(forget(at=at))
    return log


@pytest.mark.parametrize("most_rows", [None, 0])
def test_the_cuts_of_the_log_change_nothing(small, world, event, forget, start, most_rows):
    log = story(event, forget, start)
    whole = world(small).run(log)
    pieces = world(small)
    pieces.most_rows = most_rows
    pieces.run(log, cuts=[set(range(1, len(log)))])

    assert pieces.store.fence() == whole.store.fence()
    assert pieces.rows() == whole.rows()
    assert list(whole.states()) == ["other"]
    assert {(t.account_id) for t in whole.transitions.values()} == {t.account_id for t in pieces.transitions.values()}
    assert pieces.transitions == whole.transitions
    assert pieces.due() == whole.due()
    assert pieces.store.forgotten() == whole.store.forgotten() == {account_digest("acme")}
    assert whole.store.fence().counts["forgotten"] == 9


@pytest.mark.parametrize("at", list(Interruption))
def test_wherever_a_commit_stops_the_account_is_gone_in_the_end(small, world, event, forget, start, at):
    log = story(event, forget, start)
    whole = world(small).run(log)
    place = next(n for n, record in enumerate(log) if isinstance(record, Forget))
    stopped = world(small).run(log, cuts=[{place - 6, place + 5}], interruptions=[None, at])

    assert stopped.rows() == whole.rows()
    assert stopped.due() == whole.due()
    assert stopped.store.scores == whole.store.scores
    assert stopped.transitions == whole.transitions, "what it was worth telling was told before the commit"
    counts, wanted = stopped.store.fence().counts, whole.store.fence().counts
    assert (
        sum(counts.get(name, 0) for name in ("applied", "already", "forgotten"))
        == wanted["applied"] + wanted["forgotten"]
    )
