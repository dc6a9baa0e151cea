"""The client against receivers that misbehave, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess

import pytest

from kenko.alerting.outcome import SendError
from kenko.delivery.client import MAX_READ, Answer, GuardedClient


async def post(client, url, **headers):
    return await client.post(url, b"{}", headers)


@pytest.mark.parametrize("status", [200, 204, 299, 400, 404, 410, 500, 503])
async def test_the_status_is_the_answer(receiver, client, status):
    receiver.behave = receiver.status(status, body=b"" if status == 204 else b"ok")
    assert await post(client, receiver.url) == Answer(status)


async def test_a_redirect_is_not_followed(receiver, client):
    receiver.behave = receiver.status(307, {"Location": "http://169.254.169.254/"})
    assert await post(client, receiver.url) == Answer(307)
    assert len(receiver.bodies) == 1


async def test_retry_after_is_handed_on_as_it_came(receiver, client):
    receiver.behave = receiver.status(429, {"Retry-After": "30"})
    assert await post(client, receiver.url) == Answer(429, "30")


async def test_a_receiver_that_does_not_answer_is_a_timeout(receiver, client):
    never = asyncio.Event()

    async def behave(_request):
        await never.wait()

    receiver.behave = behave
    assert await post(client, receiver.url) == Answer(error=SendError.TIMEOUT)


async def test_a_body_of_one_byte_at_a_time_does_not_hold_up_a_status(receiver):
    receiver.behave = receiver.stream(200, b"x", 0.2)
    async with GuardedClient(allow_private=True) as patient:
        assert await post(patient, receiver.url) == Answer(200)
    await asyncio.wait_for(receiver.ended.wait(), 10)


async def test_of_an_endless_body_only_64_kib_are_read(receiver, client):
    """Ten gigabytes would do no more: the connection is closed."""
    chunk = b"x" * MAX_READ
    receiver.behave = receiver.stream(500, chunk, 0)
    assert await post(client, receiver.url) == Answer(500)
    await asyncio.wait_for(receiver.ended.wait(), 10)


async def test_a_compressed_body_is_not_unpacked(receiver, client):
    bomb = gzip.compress(b"\0" * 50_000_000)
    receiver.behave = receiver.status(200, {"Content-Encoding": "gzip"}, bomb)
    assert await post(client, receiver.url) == Answer(200)


async def test_nobody_there_is_unreachable(client):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert await post(client, f"http://127.0.0.1:{port}/") == Answer(error=SendError.UNREACHABLE)


async def test_a_name_that_does_not_exist_is_unreachable(client):
    assert await post(client, "http://kenko-test.invalid/") == Answer(error=SendError.UNREACHABLE)


async def test_plain_http_where_tls_was_expected_is_bad_tls(client):
    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(client, f"https://127.0.0.1:{port}/") == Answer(error=SendError.BAD_TLS)


@pytest.fixture
def self_signed(tmp_path):
    """Paths of a certificate that nobody vouches for, and of its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.mark.external
async def test_a_certificate_nobody_vouches_for_is_bad_tls(client, self_signed):
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*self_signed)
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=server_side)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(client, f"https://127.0.0.1:{port}/") == Answer(error=SendError.BAD_TLS)


async def test_an_answer_that_is_no_http_is_unreachable(client):
    async def nonsense(_reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(client, f"http://127.0.0.1:{port}/") == Answer(error=SendError.UNREACHABLE)


async def test_cookies_and_proxies_are_not_for_receivers(receiver, client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    receiver.behave = receiver.status(200, {"Set-Cookie": "a=b; Path=/"})
    await post(client, receiver.url)
    await post(client, receiver.url)
    assert all("Cookie" not in headers for headers in receiver.headers)


@pytest.mark.parametrize(
    ("name", "value"), [("Host", "x"), ("Content-Length", "1"), ("webhook-id", "a\r\nX: y"), ("X-Other", "1")]
)
async def test_headers_that_are_not_on_the_list_are_refused(client, receiver, name, value):
    with pytest.raises(ValueError, match="not on the list"):
        await client.post(receiver.url, b"{}", {name: value})
    assert receiver.bodies == []


async def test_outside_of_its_block_it_is_of_no_use():
    with pytest.raises(ValueError, match="async with"):
        await GuardedClient().post("https://example.com/", b"", {})
