"""Many strings in one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kenko.store.packing import pack, unpack


@given(st.lists(st.binary(max_size=70)))
def test_unpack_is_the_reverse_of_pack(fields):
    assert unpack(pack(fields)) == fields


def test_the_format_is_the_one_the_scripts_use():
    assert pack([b"ab", b"", b"c"]) == b"\0\0\0\2ab\0\0\0\0\0\0\0\1c"
