from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.partitioning import murmur2_partition


@given(st.binary(max_size=64), st.integers(1, 200))
def test_a_key_lands_where_kafkas_clients_put_it(key, partitions):
    everywhere = list(range(partitions))
    assert murmur2_partition(key, partitions) == DefaultPartitioner()(key, everywhere, everywhere)


@pytest.mark.parametrize(("key", "partition"), [(b"acme", 0), ("日本".encode(), 3), (b"", 9)])
def test_known_places_stay(key, partition):
    assert murmur2_partition(key, 12) == partition
