"""The OpenAPI document says what ingest does: its pages, its paths, its keys, and whatever schemathesis finds to try."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from pathlib import Path

from kenko.dialects.routes import DROPPED_PATHS, GET_PATHS, ROUTES
from services.ingest.answers import STATUS

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_formats.py")
KEY = "a-key-for-the-tests-of-ingest"
LINK = re.compile(rb"""(?:src|href|url\()\s*[=:]?\s*["']?([^"'\s>)]+)""")


async def get(ingest, path: str):
    async with ingest.session.get(ingest.url.replace("/v1/events", path)) as response:
        return response, await response.read()


async def test_the_pages_load_nothing_from_outside(ingest) -> None:
    for page in ("/docs", "/redoc"):
        response, html = await get(ingest, page)
        assert response.status == 200
        links = [link.decode() for link in LINK.findall(html)]
        assert len(links) >= 2
        for link in links:
            assert link.startswith(("/docs/files/", "/openapi.json")), link
            assert (await get(ingest, link))[0].status == 200
        # What the scripts themselves would load is stopped by the browser.
        policy = dict(part.split(maxsplit=1) for part in response.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert not re.search(r"https?:|\*", response.headers["Content-Security-Policy"])


async def test_every_path_is_there_with_its_keys_bodies_and_answers(ingest) -> None:
    document = await (await ingest.session.get(ingest.url.replace("/v1/events", "/openapi.json"))).json()
    assert set(document["paths"]) == {*ROUTES, *DROPPED_PATHS, "/v1/ingest/problems"}
    assert set(document["components"]["securitySchemes"]) == {"bearer", "basic", "header"}
    known = {"200", *(str(status.value) for status in STATUS.values())}
    for path in ROUTES:
        operations = document["paths"][path]
        assert set(operations) == ({"get", "post"} if path in GET_PATHS else {"post"})
        assert operations["post"]["requestBody"]["content"]
        for operation in operations.values():
            assert set(operation["responses"]) == known
            assert len(operation["security"]) == 3
    headers = {header["name"] for header in document["paths"]["/v1/events"]["post"]["parameters"]}
    assert {"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject"} <= headers
    assert "422" not in str(document["paths"].values())


async def test_schemathesis_finds_nothing(start, tmp_path) -> None:
    async with start(ingest_events_per_second=1e9, ingest_wrong_keys_per_second=1e9) as ingest:
        document = ingest.url.replace("/v1/events", "/openapi.json")
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", document, "--max-time", "60"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,  # it leaves a cache where it stands
            env=os.environ | {"KENKO_TEST_KEY": KEY, "PYTHONPATH": str(HOOKS.parent)},
        )
        out, _ = await asyncio.wait_for(process.communicate(), 240)
        assert process.returncode == 0, out.decode()[-6_000:]
        answered = Counter(
            {
                sample.labels["code"]: int(sample.value)
                for metric in ingest.registry.collect()
                for sample in metric.samples
                if sample.name == "kenko_ingest_requests_total" and sample.value
            }
        )
    assert set(answered) <= {"200", *(str(status.value) for status in STATUS.values())} - {"503"}
    assert answered["200"] > 100
    assert answered["400"] > 100
