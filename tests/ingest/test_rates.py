"""Token buckets: what a key may send, and how many keys an address may guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.rates import Buckets, TokenBucket


def test_a_bucket_gives_its_burst_at_once_then_its_rate() -> None:
    bucket = TokenBucket(10, 20, 0)
    bucket.spend(20)
    assert bucket.wait_s(0) == 0.1  # one token at ten a second
    assert bucket.wait_s(0.2) == 0
    bucket.spend(52)
    assert bucket.wait_s(0.2) == 5.1  # overdrawn by 50: paid back first
    assert bucket.wait_s(5.3) == 0


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 100)), max_size=60))
def test_never_more_than_the_burst_the_rate_and_one_batch(sends) -> None:
    bucket, now, spent, largest = TokenBucket(10, 20, 0), 0.0, 0, 0
    for pause, batch in sends:
        now += pause
        if bucket.wait_s(now) == 0:
            bucket.spend(batch)
            spent += batch
            largest = max(largest, batch)
    assert spent <= 20 + 10 * now + largest + 1e-6


def test_the_names_that_are_remembered_are_bounded() -> None:
    buckets = Buckets(1, 1, most=3)
    first = buckets.of("a", 0)
    for name in "bcd":
        buckets.of(name, 0)
    assert buckets.of("a", 0) is not first
    assert buckets.of("d", 0) is buckets.of("d", 0)
