"""A JSON object taken apart without parsing what is in it."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.split_object import field_value, split_object


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (b"{}", {}),
        (b' { "a" : 1 , "b" : [ 1, {} ] } ', {"a": b"1", "b": b"[ 1, {} ]"}),
        (b'{"a": 1, "a": 2}', {"a": b"2"}),
        (b'{"a": NaN, "b": "\\ud800", "c": "\xff"}', {"a": b"NaN", "b": b'"\\ud800"', "c": b'"\xff"'}),
        (b" { } ", {}),
        (b"[]", None),
        (b"", None),
        (b"{", None),
        (b'{"a"', None),
        (b'{"a" 1}', None),
        (b'{"a": 1', None),
        (b'{"a": NaN,}', None),
        (b'{"a": NaN} x', None),
        (b"{1: NaN}", None),
        (b"{" + b'"a": NaN, ' * 1_000 + b'"b": 1}', None),
        (b"{" + b'"a": NaN, ' * 1_000 + b"}", None),
        (b"{" + b'"a": NaN, ' * 999 + b'"b": 1}', {"a": b"NaN", "b": b"1"}),
        (b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
    ],
)
def test_split_object(raw: bytes, members: dict[str, bytes] | None) -> None:
    assert split_object(raw, ("a", "b", "c")) == members


def test_a_member_that_cannot_be_parsed_is_none() -> None:
    members = split_object(b'{"a": NaN, "b": [1]}', ("a", "b"))
    assert members is not None
    assert [field_value(members, name) for name in "abc"] == [None, [1], None]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner, max_size=3)
)


names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='\\"'))
"""Of our own making: none needs an escape."""


@given(st.dictionaries(names, values, max_size=5))
def test_the_members_are_those_of_the_object(value: dict[str, object]) -> None:
    for raw in (orjson.dumps(value), json.dumps(value, indent=1).encode()):
        members = split_object(raw, tuple(value))
        assert members is not None
        assert {name: orjson.loads(member) for name, member in members.items()} == value
    lenient = split_object(b'{"\\ud800": NaN,' + orjson.dumps(value)[1:], tuple(value)) if value else {}
    assert lenient is not None
    assert {name: orjson.loads(member) for name, member in lenient.items() if name != "\ud800"} == value
