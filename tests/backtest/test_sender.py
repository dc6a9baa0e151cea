"""The sender keeps an account's events in order, comes again when told to, and counts what is refused."""

import importlib.util
from pathlib import Path

import aiohttp
import pytest

from kenko.backtest import sender as sender_module
from kenko.backtest.event_file import FileEvent
from kenko.backtest.sender import EventSender, Rejected
from kenko.runtime.errors import TransientError

_spec = importlib.util.spec_from_file_location("ingest_stand_in", Path(__file__).with_name("ingest_stand_in.py"))
stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in)


def _events(count, *, accounts=7, name="Login"):
    return [
        FileEvent(n + 1, n, f"a{n % accounts}", {"id": str(n), "account_id": f"a{n % accounts}", "event": name})
        for n in range(count)
    ]


async def _send(ingest, events, *, key=stand_in.KEY, lanes=3):
    async with aiohttp.ClientSession() as session:
        sender = EventSender(session, url=ingest.url, key=key, lanes=lanes)
        await sender.send(events)
        return sender.sent


async def test_every_event_arrives_and_each_accounts_in_order():
    async with stand_in.running(stand_in.IngestStandIn()) as ingest:
        sent = await _send(ingest, _events(2_000))
        assert sent.accepted == 2_000
        for account in range(7):
            ids = [int(event["id"]) for event in ingest.events if event["account_id"] == f"a{account}"]
            assert ids == list(range(account, 2_000, 7))


async def test_busy_answers_are_waited_out_with_the_same_events():
    later = [(503, {"Retry-After": "1"}), (429, {}), (502, {})]
    async with stand_in.running(stand_in.IngestStandIn(*later)) as ingest:
        sent = await _send(ingest, _events(10), lanes=1)
        assert (sent.accepted, sent.repeats, len(ingest.events)) == (10, 3, 10)


async def test_refused_events_are_counted_by_reason_and_line_and_the_others_go_on():
    async with stand_in.running(stand_in.IngestStandIn()) as ingest:
        ingest.refuse = {"Bad": ("event", "invalid", "must be good")}
        good, bad = _events(3), [FileEvent(9, 0, "a0", {"id": "x", "account_id": "a0", "event": "Bad"})]
        sent = await _send(ingest, [*good, *bad])
        assert (sent.accepted, dict(sent.rejected), dict(sent.reasons)) == (
            3,
            {9: "event: must be good"},
            {"invalid": 1},
        )


async def test_a_batch_of_refused_events_alone_is_no_failure():
    async with stand_in.running(stand_in.IngestStandIn()) as ingest:
        ingest.refuse = {"Bad": (None, "too_large", "is too large")}
        sent = await _send(ingest, _events(5, name="Bad"))
        assert (sent.accepted, sent.reasons["too_large"]) == (0, 5)


async def test_a_wrong_key_ends_it_at_once_in_ingests_words():
    async with stand_in.running(stand_in.IngestStandIn()) as ingest:
        with pytest.raises(Rejected, match="no such key"):
            await _send(ingest, _events(5), key="wrong")


async def test_it_gives_up_when_ingest_stays_away(monkeypatch):
    monkeypatch.setattr(sender_module, "PATIENCE_S", 0.0)
    async with stand_in.running(stand_in.IngestStandIn()) as ingest:
        pass  # it is gone now
    with pytest.raises(TransientError, match="does not answer"):
        await _send(ingest, _events(1))


async def test_an_event_too_large_for_any_request_is_refused_alone():
    async with stand_in.running(stand_in.IngestStandIn((413, {}))) as ingest:
        big = FileEvent(1, 0, "a", {"id": "1", "account_id": "a", "event": "E", "properties": {"x": "y" * 1_100_000}})
        small = FileEvent(2, 0, "a", {"id": "2", "account_id": "a", "event": "E"})
        sent = await _send(ingest, [big, small])
        assert (sent.accepted, sent.reasons["too_large"]) == (1, 1)
