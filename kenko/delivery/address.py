"""Address: whether an IP address is one of the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_PUBLIC_V6 = IPv6Network("2000::/3")
"""All that was ever given out for global unicast; NAT64, mapped, link-local and multicast lie outside."""

_TUNNELS = (
    IPv6Network("2002::/16"),  # 6to4: holds an IPv4 address, which may be private
    IPv6Network("2001::/23"),  # Teredo: the same; and protocol assignments
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("3fff::/20"),  # documentation
)


_NOT_PUBLIC_V4 = (
    # `is_global` knew some of these in one Python and not in another.
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("100.64.0.0/10"),  # carrier NAT
)


def is_public(address: str) -> bool:
    """True if `address` is a public unicast address. `is_global` alone lets NAT64, 6to4 and multicast through."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _public_v4(parsed) if isinstance(parsed, IPv4Address) else _public_v6(parsed)


def _public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V4)


def _public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _PUBLIC_V6 or not address.is_global:
        return False
    return not any(address in network for network in _TUNNELS)
