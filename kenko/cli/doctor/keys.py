"""May the right ones send events, and nobody else? Pure. Keys stand in KENKO_INGEST_KEYS, and in the file of `kenko keys`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from kenko.cli.doctor.facts import KeyFacts, KeyFileFacts
from kenko.cli.doctor.finding import Finding, fail, ok, some, warn
from kenko.runtime.api_keys import ApiKey, Scope
from schemas.base import from_ms
from services.ingest.settings import DEV, HOW_TO_MAKE_A_KEY, MIN_KEY_LENGTH

SOON: Final = timedelta(days=14)
_WRITABLE_BY_OTHERS: Final = 0o022
_READABLE_BY_ALL: Final = 0o004
_NO_FILE: Final = "KENKO_KEYS_FILE is not set."


def ingest_keys(keys: KeyFacts) -> Finding:
    """As ingest judges the settings when it starts."""
    mend = (
        "Make a key with: kenko keys create NAME, and name its file in KENKO_KEYS_FILE; or with"
        f" {HOW_TO_MAKE_A_KEY}, and put it into KENKO_INGEST_KEYS."
    )
    if not keys.lengths:
        if keys.file is not None:
            return ok(f"KENKO_KEYS_FILE names {keys.file}; there is none in KENKO_INGEST_KEYS.")
        if keys.env == DEV:
            return warn(f"There is no API key, and KENKO_ENV={DEV}: ingest takes events from anybody.", mend)
        return fail("There is no API key in KENKO_INGEST_KEYS, and no KENKO_KEYS_FILE: ingest does not start.", mend)
    count = _count(len(keys.lengths), "API key")
    short = [length for length in keys.lengths if length < MIN_KEY_LENGTH]
    if short:
        says = f"{len(short)} of {count} have fewer than {MIN_KEY_LENGTH} characters and can be guessed."
        return warn(says, mend) if keys.env == DEV else fail(f"{says} Ingest does not start.", mend)
    return ok(f"KENKO_INGEST_KEYS holds {count}.")


def key_file(file: KeyFileFacts | None) -> Finding:
    """The services can use it, and nobody else can write it."""
    if file is None:
        return ok(_NO_FILE)
    if file.mistake is not None:
        return fail(
            f"The keys file cannot be used: {file.mistake}",
            "Run this as the user of the services. Ingest does not start with such a file; one that runs keeps the last"
            " good keys, so nothing that was revoked since then is.",
        )
    mode = file.mode or 0
    if mode & _WRITABLE_BY_OTHERS:
        return fail(
            f"{file.path} can be written by more than its owner ({mode:04o}): whoever writes it gives himself a key.",
            f"chmod 600 {file.path}, owned by the user of the services.",
        )
    if mode & _READABLE_BY_ALL:
        return warn(
            f"{file.path} can be read by everybody on its machine ({mode:04o}). It holds hashes, and who may do what.",
            f"chmod 600 {file.path}; on Kubernetes set defaultMode: 0440 on the secret's volume.",
        )
    return ok(f"{file.path} can be read, and only its owner can write it.")


def may_send(file: KeyFileFacts | None, keys: Sequence[ApiKey], settings: KeyFacts, now_ms: int) -> Finding:
    """Some key of the file lets events in."""
    if file is None:
        return ok(_NO_FILE)
    now = from_ms(now_ms)
    live = [key for key in keys if key.is_live(now)]
    sending = [key for key in live if Scope.INGEST in key.scopes]
    if sending:
        return ok(f"{_count(len(sending), 'live key')} of {len(keys)} in the file may send events.")
    if not keys:
        what = f"{file.path} holds no key"
    elif not live:
        revoked = sum(key.revoked_at is not None for key in keys)
        what = f"None of the {_count(len(keys), 'key')} in {file.path} is live ({revoked} revoked, {len(keys) - revoked} expired)"
    else:
        what = f"No live key in {file.path} has the scope {Scope.INGEST.value}"
    mend = "Make one with: kenko keys create NAME --source SOURCE. The services read it within 5 seconds."
    if settings.lengths:
        return warn(f"{what}: only those of KENKO_INGEST_KEYS can send, which may do everything.", mend)
    return fail(f"{what}: nobody can send events.", mend)


def expiring(file: KeyFileFacts | None, keys: Sequence[ApiKey], now_ms: int) -> Finding:
    """No sender is shut out within two weeks. A key with a live one of the same name beside it, that lasts, is being rotated."""
    if file is None:
        return ok(_NO_FILE)
    now = from_ms(now_ms)
    live = [key for key in keys if key.is_live(now)]
    lasting = {(key.name, scope) for key in live if not _ends_soon(key, now) for scope in key.scopes}
    ending = [
        (key.expires_at, key.name, key.id)
        for key in live
        if key.expires_at is not None
        and _ends_soon(key, now)
        and not lasting.issuperset((key.name, scope) for scope in key.scopes)
    ]
    if ending:
        named = [f"{name} ({id_}) on {expires_at:%Y-%m-%d %H:%M} UTC" for expires_at, name, id_ in sorted(ending)]
        return warn(
            f"{_count(len(ending), 'key')} will expire within {SOON.days} days, and nothing comes after: {some(named)}.",
            f"kenko keys create {min(ending)[1]} --expires 90d, give it out, then revoke the old one.",
        )
    return ok(f"No key expires within {SOON.days} days without another of its name.")


def _ends_soon(key: ApiKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now + SOON


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
