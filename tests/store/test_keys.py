"""Where the keys of a partition lie."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from kenko.store.keys import MAX_PARTITIONS, PartitionKeys, hash_tag


@given(st.text(min_size=1, max_size=50), st.integers(0, 11))
def test_every_key_of_a_partition_lies_in_its_slot(account_id, partition):
    keys = PartitionKeys("default-0123abcd", partition, 12)
    names = [keys.fence, keys.due, keys.scores, keys.row(account_id), keys.ids(account_id)]
    names += [keys.live, keys.layout, keys.forgotten]
    assert {key_slot(name.encode("utf-8", "surrogatepass")) for name in names} == {keys.slot}


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_accounts_never_share_a_key(one, other):
    keys = PartitionKeys("m", 0, 1)
    made = {make(account) for make in (keys.row, keys.ids) for account in {one, other}}
    assert len(made | {keys.fence, keys.due, keys.scores}) == 3 + 2 * len({one, other})


@pytest.mark.parametrize("partitions", [1, 2, 3, 12, 48, 100, 1024])
@pytest.mark.parametrize("nodes", [1, 2, 3, 5, 6])
def test_nodes_of_equal_size_get_equal_numbers_of_partitions(partitions, nodes):
    slots = [key_slot(hash_tag(partition, partitions).encode()) for partition in range(partitions)]
    per_node = Counter(slot * nodes // REDIS_CLUSTER_HASH_SLOTS for slot in slots)

    assert len(set(slots)) == partitions
    counts = [per_node[node] for node in range(nodes)]
    assert max(counts) - min(counts) <= 1
    if partitions % nodes == 0:
        assert set(counts) == {partitions // nodes}


def test_the_layout_is_kept():
    """These names are in people's Redis: changing one loses their state."""
    keys = PartitionKeys("default-0123abcd", 3, 12)
    assert [keys.live, keys.layout, keys.fence, keys.due, keys.scores, keys.row("acme"), keys.ids("acme")] == [
        "kenko:{p3of12-40}:live",
        "kenko:default-0123abcd:{p3of12-40}:layout",
        "kenko:default-0123abcd:{p3of12-40}:fence",
        "kenko:default-0123abcd:{p3of12-40}:due",
        "kenko:default-0123abcd:{p3of12-40}:scores",
        "kenko:default-0123abcd:{p3of12-40}:row:acme",
        "kenko:default-0123abcd:{p3of12-40}:ids:acme",
    ]
    assert [hash_tag(p, 12) for p in range(12)] == [
        *("p0of12-9", "p1of12-2", "p2of12-30", "p3of12-40", "p4of12-135", "p5of12-13"),
        *("p6of12-1", "p7of12-6", "p8of12-24", "p9of12-43", "p10of12-31", "p11of12-22"),
    ]


def test_models_prefixes_and_numbers_of_partitions_are_kept_apart():
    fences = {
        PartitionKeys("default-0123abcd", 3, 12).fence,
        PartitionKeys("default-0123abcd", 3, 12, "other").fence,
        PartitionKeys("default-fedcba98", 3, 12).fence,
        PartitionKeys("default-0123abcd", 3, 24).fence,
    }
    assert len(fences) == 4


@pytest.mark.parametrize("bad", ["", "a{b", "a}b", "a b", "a\nb", "a\0b"])
def test_a_name_that_would_move_the_keys_is_refused(bad):
    with pytest.raises(ValueError, match="prefix"):
        PartitionKeys("model", 0, 1, bad)
    with pytest.raises(ValueError, match="model"):
        PartitionKeys(bad, 0, 1)


@pytest.mark.parametrize(("partition", "partitions"), [(-1, 12), (12, 12), (0, 0), (0, MAX_PARTITIONS + 1)])
def test_a_partition_that_cannot_be_is_refused(partition, partitions):
    with pytest.raises(ValueError, match="need 0 <= partition"):
        hash_tag(partition, partitions)
