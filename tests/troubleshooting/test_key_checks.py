"""What is said of the file of API keys."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.doctor.ask_here import look_at_key_file
from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.facts import KeyFacts, KeyFileFacts, Unknown
from kenko.cli.doctor.finding import Status
from kenko.runtime.api_keys import Scope
from schemas.base import from_ms
from schemas.topics import DAY_MS

from .conftest import NOW_MS, api_key

FILE = KeyFileFacts(Path("/etc/kenko/keys.json"), 0o600, None)
KEYS = ("settings.keys", "keys.file", "keys.ingest", "keys.expiry")


def in_days(number):
    return from_ms(NOW_MS + number * DAY_MS)


def test_without_a_file_the_settings_are_all_there_is(well):
    found = examine(well._replace(key_file=None, file_keys=()))
    assert {found[name].status for name in KEYS} == {Status.OK}
    assert found["keys.ingest"].says == "KENKO_KEYS_FILE is not set."


def test_a_file_alone_is_enough(well):
    found = examine(well._replace(keys=KeyFacts("production", [], FILE.path), key_file=FILE))
    assert {found[name].status for name in KEYS} == {Status.OK}
    assert "names /etc/kenko/keys.json" in found["settings.keys"].says


@pytest.mark.parametrize(
    ("mode", "status", "says", "mend"),
    [
        (0o600, "ok", "only its owner can write it", None),
        (0o440, "ok", "only its owner can write it", None),
        (0o644, "warn", "read by everybody on its machine (0644)", "chmod 600 /etc/kenko/keys.json"),
        (0o660, "fail", "written by more than its owner (0660)", "chmod 600 /etc/kenko/keys.json"),
        # who may write is worse than who may read
        (0o666, "fail", "written by more than its owner (0666)", "chmod 600"),
        (0o602, "fail", "written by more than its owner (0602)", "chmod 600"),
    ],
)
def test_who_may_read_and_write_the_file(well, mode, status, says, mend):
    found = examine(well._replace(key_file=FILE._replace(mode=mode)))["keys.file"]
    assert found.status == status
    assert says in found.says
    assert found.mend is None if mend is None else mend in found.mend


REVOKED = api_key(revoked_at=in_days(0))
EXPIRED = api_key(2, expires_at=in_days(0))
READER = api_key(3, scopes=(Scope.READ,))


@pytest.mark.parametrize(
    ("keys", "lengths", "status", "says"),
    [
        ([api_key(), REVOKED], [], "ok", "1 live key of 2 in the file may send"),
        ([], [], "fail", "holds no key: nobody can send"),
        ([REVOKED, EXPIRED], [], "fail", "None of the 2 keys in /etc/kenko/keys.json is live (1 revoked, 1 expired)"),
        ([REVOKED, READER], [], "fail", "No live key in /etc/kenko/keys.json has the scope ingest"),
        ([READER], [43], "warn", "only those of KENKO_INGEST_KEYS can send, which may do everything"),
    ],
)
def test_somebody_may_send(well, keys, lengths, status, says):
    found = examine(well._replace(keys=KeyFacts("production", lengths, FILE.path), key_file=FILE, file_keys=keys))
    assert found["keys.ingest"].status == status
    assert says in found["keys.ingest"].says
    assert status == "ok" or "kenko keys create" in found["keys.ingest"].mend


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ([api_key(expires_at=in_days(13))], "billing (00000001) on"),
        ([api_key(expires_at=in_days(14))], "billing (00000001) on"),
        ([api_key(expires_at=in_days(15))], None),
        # already dead, so nothing that will happen
        ([EXPIRED, api_key()], None),
        ([api_key(expires_at=in_days(3), revoked_at=in_days(0))], None),
        # being rotated
        ([api_key(expires_at=in_days(3)), api_key(2, expires_at=in_days(90))], None),
        ([api_key(expires_at=in_days(3)), api_key(2, name="crm")], "billing (00000001) on"),
        # the new one may not do what the old one may
        ([api_key(expires_at=in_days(3)), api_key(2, scopes=(Scope.READ,))], "billing (00000001) on"),
        ([api_key(expires_at=in_days(9)), api_key(2, name="crm", expires_at=in_days(3))], "crm (00000002) on"),
    ],
)
def test_keys_that_end_soon_are_named(well, keys, named):
    found = examine(well._replace(key_file=FILE, file_keys=keys))["keys.expiry"]
    assert found.status == ("ok" if named is None else "warn")
    assert named is None or f"nothing comes after: {named}" in found.says
    assert named is None or f"kenko keys create {named.split()[0]} " in found.mend


def test_a_file_as_the_command_makes_it_is_well(well, tmp_path):
    path = tmp_path / "keys.json"
    made = CliRunner().invoke(app, ["keys", "create", "billing", "--file", str(path)])
    file, keys = look_at_key_file(path)
    assert (file, [key.name for key in keys]) == (KeyFileFacts(path, 0o600, None), ["billing"])
    found = examine(well._replace(key_file=file, file_keys=keys))
    assert {found[name].status for name in KEYS} == {Status.OK}
    assert made.stdout.strip() not in str(found)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b'{"keys": [{"id": "x"}]}', "keys.0.id: Value error, must be 8 hexadecimal digits"),
        (b"{", "the file: Invalid JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_failure_with_its_place(well, tmp_path, content, says):
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    file, keys = look_at_key_file(path)
    assert isinstance(keys, Unknown)
    found = examine(well._replace(key_file=file, file_keys=keys))
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == ["keys.file"]
    assert str(path) in found["keys.file"].says
    assert says in found["keys.file"].says
    assert "last good keys" in found["keys.file"].mend
    assert found["keys.ingest"].says == "Cannot be looked at: the keys file cannot be used."
