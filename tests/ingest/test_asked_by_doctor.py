"""`kenko doctor` asks a running ingest what is wrong."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from kenko.cli.doctor.ask_ingest import ask_ingest
from kenko.cli.doctor.ingest_report import IngestPlace
from kenko.runtime.errors import PermanentError, TransientError

KEY = "a-key-for-the-tests-of-ingest"
EVENT = {"id": "e1", "account_id": "acme", "event": "Seen"}


def place(ingest, key=KEY):
    return IngestPlace(f"http://127.0.0.1:{ingest.port}/", key)


async def test_it_says_by_source_what_it_refused(ingest) -> None:
    await ingest.post(orjson.dumps([EVENT, {"id": "e2", "event": "Seen"}]))
    orphan = {"type": "track", "userId": "ann", "event": "Seen"}
    url = f"http://127.0.0.1:{ingest.port}/v1/track"
    async with ingest.session.post(url, json=orphan, headers={"X-API-Key": KEY}) as response:
        assert response.status == 200
    report = await ask_ingest(place(ingest))
    assert [(s.source, s.accepted, s.rejected, s.unattributed, s.seen) for s in report.sources] == [
        ("plain", 1, 1, 0, 2),
        ("segment", 0, 0, 1, 1),
    ]
    [problem] = report.sources[0].problems
    message = "account_id: is required: the customer whose health is scored"
    assert (problem.code, problem.count, problem.last_message) == ("missing", 1, message)


@pytest.mark.parametrize(("key", "says"), [(None, "401: no key was given"), ("another", "401: the key may not read")])
async def test_a_key_that_may_not_read_is_named(ingest, key, says) -> None:
    with pytest.raises(PermanentError, match=says) as refused:
        await ask_ingest(place(ingest, key))
    assert "another" not in str(refused.value)


async def test_what_is_no_ingest_is_told_and_gets_no_second_look(ingest) -> None:
    asked = []

    async def elsewhere(request):
        asked.append(request.path)
        answers = {"/moved": web.Response(status=302, headers={"Location": "/html"}), "/html": web.Response(text="<p>")}
        return answers[request.path.removesuffix("/v1/ingest/problems")]

    app = web.Application()
    app.router.add_get("/{path:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        with pytest.raises(PermanentError, match="it answers 302"):
            await ask_ingest(IngestPlace(f"{url}/moved", KEY))
        assert asked == ["/moved/v1/ingest/problems"]
        with pytest.raises(PermanentError, match="no ingest of Kenko's"):
            await ask_ingest(IngestPlace(f"{url}/html", KEY))
    finally:
        await runner.cleanup()
    with pytest.raises(TransientError, match="Connect call failed"):
        await ask_ingest(IngestPlace(url, KEY))


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "http://:secret-word@/"])
async def test_an_address_that_is_none_is_told_without_its_password(url) -> None:
    with pytest.raises(TransientError) as refused:
        await ask_ingest(IngestPlace(url, KEY))
    assert "secret-word" not in str(refused.value)
