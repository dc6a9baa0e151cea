from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.alerting.outcome import SendError
from kenko.delivery.address import is_public
from kenko.delivery.client import Answer, GuardedClient
from kenko.delivery.resolver import GuardedResolver, RefusedAddressError
from kenko.delivery.target import RefusedUrlError, UrlRefusal, parse_target

PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # cloud metadata
    "100.64.0.1",  # carrier NAT
    "192.0.0.8",
    "192.0.2.1",  # documentation
    "192.88.99.1",  # 6to4 relay
    "198.18.0.1",  # benchmarks
    "203.0.113.5",
    "224.0.0.1",  # multicast
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",  # mapped
    "::ffff:8.8.8.8",
    "::127.0.0.1",  # compatible
    "64:ff9b::a9fe:a9fe",  # NAT64
    "64:ff9b:1::1",
    "2002:7f00:1::",  # 6to4
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "100::1",
    "no address",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_taken(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://[::ffff:169.254.169.254]/", UrlRefusal.ADDRESS),
        ("http://169.254.169.254/latest/meta-data", UrlRefusal.ADDRESS),
        ("http://[64:ff9b::a9fe:a9fe]/", UrlRefusal.ADDRESS),
        ("http://[2002:a9fe:a9fe::]/", UrlRefusal.ADDRESS),
        ("http://0.0.0.0/", UrlRefusal.ADDRESS),
        ("http://[::]/", UrlRefusal.ADDRESS),
        ("http://2130706433/", UrlRefusal.HOST),  # decimal
        ("http://0177.0.0.1/", UrlRefusal.HOST),  # octal
        ("http://0x7f.0.0.1/", UrlRefusal.HOST),  # hex
        ("http://0x7f000001/", UrlRefusal.HOST),
        ("http://127.1/", UrlRefusal.HOST),  # short
        ("http://10.0.0.0x1/", UrlRefusal.HOST),
        ("http://127.0.0.1./", UrlRefusal.HOST),
        ("http://localhost/", UrlRefusal.ADDRESS),
        ("http://LOCALHOST/", UrlRefusal.ADDRESS),
        ("http://localhost./", UrlRefusal.HOST),
        ("http://foo.localhost/", UrlRefusal.ADDRESS),
        ("http://redis/", UrlRefusal.ADDRESS),  # a neighbour in the cluster
        ("http://metadata.google.internal/", UrlRefusal.ADDRESS),
        ("http://①②⑦.⓪.⓪.①/", UrlRefusal.MALFORMED),  # unicode digits
        ("http://\uff45xample.com/", UrlRefusal.MALFORMED),
        ("http://example。com/", UrlRefusal.MALFORMED),
        ("http://user@example.com/", UrlRefusal.CREDENTIALS),
        ("http://user:pw@example.com/", UrlRefusal.CREDENTIALS),
        ("http://example.com:80@127.0.0.1/", UrlRefusal.CREDENTIALS),
        ("http://example.com\\@127.0.0.1/", UrlRefusal.MALFORMED),
        ("http://exa mple.com/", UrlRefusal.MALFORMED),
        ("http://example.com/\r\nHost: x", UrlRefusal.MALFORMED),
        ("http://%31%32%37.0.0.1/", UrlRefusal.HOST),
        ("http://-example.com/", UrlRefusal.HOST),
        ("http://exam..ple.com/", UrlRefusal.HOST),
        ("http:///path", UrlRefusal.HOST),
        ("http://[::1/", UrlRefusal.MALFORMED),
        ("http://example.com:99999/", UrlRefusal.MALFORMED),
        ("http://example.com:22/", UrlRefusal.PORT),
        ("http://example.com:6379/", UrlRefusal.PORT),
        ("http://example.com:0/", UrlRefusal.PORT),
        ("file:///etc/passwd", UrlRefusal.SCHEME),
        ("gopher://example.com/", UrlRefusal.SCHEME),
        ("ftp://example.com/", UrlRefusal.SCHEME),
        ("//example.com/", UrlRefusal.SCHEME),
        ("example.com", UrlRefusal.SCHEME),
        ("", UrlRefusal.SCHEME),
    ],
)
def test_urls_that_are_refused(url, refusal):
    with pytest.raises(RefusedUrlError) as caught:
        parse_target(url)
    assert caught.value.refusal is refusal
    if url:
        assert url not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0/B0/x",
        "http://example.com",
        "https://example.com:8443/a?b=c",
        "https://xn--bcher-kva.example/",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://1password.com/",
        "https://a-b.c_d.example.com/",
    ],
)
def test_urls_that_are_taken(url):
    assert str(parse_target(url).url).startswith(url)


def test_a_target_does_not_show_its_path():
    assert "secret" not in repr(parse_target("https://example.com/secret?also=secret"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000/", "http://localhost:5000/", "http://[::1]:5000/"])
def test_the_dangerous_setting_lets_private_addresses_through_and_nothing_else(url):
    assert parse_target(url, allow_private=True)
    for bad in (url.replace("http:", "file:"), url.replace("//", "//user@"), "http://2130706433/"):
        with pytest.raises(RefusedUrlError):
            parse_target(bad, allow_private=True)


class StubResolver(AbstractResolver):
    """Answers with what it is given; asked again, with the next."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host, port=0, family=socket.AF_INET):
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            {"hostname": host, "host": a, "port": port, "family": family, "proto": 0, "flags": socket.AI_NUMERICHOST}
            for a in answer
        ]

    async def close(self):
        self.asked = -1


@pytest.mark.parametrize("address", [a for a in PRIVATE if a != "no address"])
async def test_a_name_that_leads_to_a_private_address_is_refused(address):
    with pytest.raises(RefusedAddressError):
        await GuardedResolver(StubResolver([address])).resolve("example.com", 443)


async def test_one_private_address_among_public_ones_refuses_them_all():
    with pytest.raises(RefusedAddressError):
        await GuardedResolver(StubResolver(["8.8.8.8", "10.0.0.1"])).resolve("example.com", 443)
    assert [a["host"] for a in await GuardedResolver(StubResolver(["8.8.8.8"])).resolve("example.com")] == ["8.8.8.8"]


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://127.0.0.1/", "file:///etc/passwd", "http://2130706433/"]
)
async def test_nothing_is_sent_to_a_refused_address(url):
    async with GuardedClient(resolver=StubResolver(["127.0.0.1"])) as client:
        assert await client.post(url, b"{}", {}) == Answer(error=SendError.REFUSED_ADDRESS)


async def test_the_connection_goes_to_the_address_that_was_checked(receiver):
    """The name is asked for once, and Host stays the name."""
    resolver = StubResolver(["127.0.0.1"], ["192.0.2.1"])
    async with GuardedClient(allow_private=True, resolver=resolver) as client:
        answer = await client.post(f"http://hooks.example.com:{receiver.port}/hook", b"{}", {})
    assert answer.status == 200
    assert receiver.headers[0]["Host"] == f"hooks.example.com:{receiver.port}"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_address_of_a_reserved_network_is_public(address):
    reserved = ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12", "224.0.0.0/3"]
    reserved += ["::/8", "64:ff9b::/32", "2002::/16", "fc00::/7", "fe80::/9", "ff00::/8"]
    if any(address in ip_network(net) for net in reserved if ip_network(net).version == address.version):
        assert not is_public(str(address))


def spellings(address: int) -> list[str]:
    """One IPv4 address, as different parsers would still find it."""
    octets = [address >> shift & 255 for shift in (24, 16, 8, 0)]
    dotted = ".".join(map(str, octets))
    hexes = f"{address:08x}"
    return [
        dotted,
        str(address),
        hex(address),
        oct(address).replace("0o", "0"),
        ".".join(oct(o).replace("0o", "0") for o in octets),
        ".".join(map(hex, octets)),
        f"{octets[0]}.{address & 0xFFFFFF}",
        f"{octets[0]}.{octets[1]}.{address & 0xFFFF}",
        f"{dotted}.",
        f"[::ffff:{dotted}]",
        f"[::{dotted}]",
        f"[64:ff9b::{hexes[:4]}:{hexes[4:]}]",
        f"[2002:{hexes[:4]}:{hexes[4:]}::1]",
        "".join(f"%{ord(c):02x}" for c in dotted),
    ]


private_v4 = st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]).flatmap(
    lambda net: st.ip_addresses(network=net)
)


@settings(max_examples=max(200, settings.default.max_examples))
@given(address=private_v4, data=st.data())
def test_no_spelling_of_a_private_address_gets_through(address, data):
    host = data.draw(st.sampled_from(spellings(int(address))))
    scheme = data.draw(st.sampled_from(["http://", "https://", "HTTP://", "http:\\\\", "http:////"]))
    user = data.draw(st.sampled_from(["", "example.com@", "a:b@", "example.com#@", "example.com?@"]))
    port = data.draw(st.sampled_from(["", ":80", ":0443"]))
    try:
        target = parse_target(f"{scheme}{user}{host}{port}/hook")
    except RefusedUrlError:
        return
    assert target.host == "example.com"  # '#' and '?' end the host


@given(text=st.text(max_size=60), prefix=st.sampled_from(["", "http://", "https://", "http://a.example/", "http://["]))
def test_any_text_is_taken_or_refused_by_name(text, prefix):
    try:
        target = parse_target(prefix + text)
    except RefusedUrlError:
        return
    try:
        literal: IPv4Address | IPv6Address | None = ip_address(target.host)
    except ValueError:
        literal = None
    assert literal is None or is_public(str(literal))
    assert target.url.scheme in ("http", "https")
