"""API keys: what counts as one, and what a broken file says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.runtime.api_keys import ApiKey, KeyFile, KnownKeys, Scope, hash_of, new_key, read_key_file
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.watched_file import WatchedFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "s" * 43
KEY, ID, HASH = new_key(b"\x01\x02\x03\x04", SECRET)


def entry(**changed: object) -> ApiKey:
    given = {"id": ID, "hash": HASH, "name": "billing", "scopes": (Scope.INGEST,), "created_at": NOW}
    return ApiKey(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "live"),
    [
        ({}, True),
        ({"expires_at": NOW + timedelta(seconds=1)}, True),
        ({"expires_at": NOW}, False),  # half-open, as windows are
        ({"revoked_at": NOW}, False),
        ({"revoked_at": NOW + timedelta(days=1)}, False),  # said by a clock that is ahead: revoked all the same
    ],
)
def test_a_key_counts_until_it_is_revoked_or_expires(changed, live) -> None:
    found = KnownKeys([entry(**changed)]).find(KEY.encode(), NOW)
    assert (found is not None) is live


@given(st.binary(max_size=80) | st.binary(min_size=1, max_size=8).map(lambda tail: KEY.encode()[: -len(tail)] + tail))
def test_nothing_but_the_key_itself_is_the_key(presented) -> None:
    found = KnownKeys([entry()]).find(presented, NOW)
    assert (found is not None) == (presented == KEY.encode())


def test_the_file_holds_no_secret(tmp_path: Path) -> None:
    written = KeyFile(keys=(entry(),)).model_dump_json()
    assert SECRET not in written
    assert hash_of(KEY.encode()) in written
    path = tmp_path / "keys.json"
    path.write_text(written)
    assert read_key_file(path).keys == (entry(),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "Invalid JSON"),
        ('{"keys": [{"id": "x"}]}', "keys.0.id"),
        ('{"keyz": []}', "keyz"),
        (KeyFile(keys=(entry(), entry(name="other"))).model_dump_json(), "two keys have the same id"),
    ],
)
def test_a_broken_file_is_refused_with_its_place_and_the_mend(tmp_path: Path, text, said) -> None:
    path = tmp_path / "keys.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_key_file(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_is_read_again_when_it_changes_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(KeyFile().model_dump_json())
    standing: list[bool] = []
    watched = WatchedFile(path, read_key_file, standing.append)
    watched.look()
    assert (watched.content, standing) == (KeyFile(), [True])
    swapped = tmp_path / "new"
    swapped.write_text(KeyFile(keys=(entry(),)).model_dump_json())
    swapped.rename(path)
    watched.look()
    assert (len(watched.content.keys), standing) == (1, [True, True])
    path.write_text("{")
    watched.look()
    assert (len(watched.content.keys), standing) == (1, [True, True, False])
    path.unlink()
    watched.look()
    assert (len(watched.content.keys), standing[-1]) == (1, False)
