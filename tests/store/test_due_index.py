"""DueIndex against the plain thing it stands for: a dictionary, sorted each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kenko.store.due_index import DueIndex

ACCOUNTS = st.sampled_from(["a", "aa", "B", "é", "\uffee", "🙂"])
ACTIONS = st.lists(st.tuples(ACCOUNTS, st.none() | st.integers(0, 6)), max_size=60)


@given(ACTIONS, st.integers(0, 7), st.integers(0, 8))
def test_it_is_a_sorted_dictionary(actions, until, limit):
    index, plain = DueIndex(), {}
    for account, due_ms in actions:
        if due_ms is None:
            index.drop(account)
            plain.pop(account, None)
        else:
            index.put(account, due_ms)
            plain[account] = due_ms

        wanted = sorted(((d, a) for a, d in plain.items()), key=lambda entry: (entry[0], entry[1].encode()))
        assert index.first(until, limit) == [entry for entry in wanted if entry[0] <= until][:limit]
        assert index.earliest() == (wanted[0][0] if wanted else None)
        assert len(index) == len(plain)


def test_outdated_entries_do_not_pile_up():
    index = DueIndex()
    for n in range(20_000):
        index.put("hot", n)
    assert index.first(10**6, 10) == [(19_999, "hot")]
    assert len(index._heap) <= 1_100
